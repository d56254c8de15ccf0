import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { identify, isAlive, type ProcessIdentity, signal } from '../../controller/process-identity.ts'
import { makeCgroup, removeCgroup } from './cgroup.ts'
import { say } from './progress.ts'
import type { Server } from './server.ts'

/** What outlives the process that started it, and would stay on this machine if nobody knew of it. */
interface Entries {
  owner: ProcessIdentity
  servers: ProcessIdentity[]
  cgroups: string[]
}

const prefix = join(tmpdir(), 'dyninka-cluster-')
const fileOf = (folder: string) => join(folder, 'ledger.json')

/** The folder of a test cluster, with a record of what the cluster leaves on the machine outside it. */
export class Ledger {
  readonly folder = mkdtempSync(prefix)
  /** No other has the same. */
  readonly name = basename(this.folder)
  readonly #entries: Entries = { owner: identify(process.pid)!, servers: [], cgroups: [] }
  readonly #servers: Server[] = []
  readonly #afterwards: (() => Promise<unknown>)[] = []

  constructor() {
    this.#write()
  }

  folderFor(name: string): string {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  /** Makes a group with a name of its own below the one of the cluster, which goes as a whole. @returns its path */
  cgroup(name: string): string {
    // Noted before it is made: a run that is killed in between leaves nothing unknown.
    this.#entries.cgroups = [this.name]
    this.#write()
    makeCgroup(join(this.name, name))
    return join(this.name, name)
  }

  server(server: Server): Server {
    const identity = identify(server.pid)
    if (identity) this.#entries.servers.push(identity)
    this.#write()
    this.#servers.push(server)
    return server
  }

  /** @param act what is to be done when the servers have ended */
  afterwards(act: () => Promise<unknown>): void {
    this.#afterwards.push(act)
  }

  /** Ends the servers, and leaves nothing. */
  async close(): Promise<void> {
    await Promise.all(this.#servers.map(server => server.kill()))
    for (const act of this.#afterwards) await act()
    for (const name of this.#entries.cgroups) await removeCgroup(name)
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 })
  }

  #write(): void {
    writeFileSync(fileOf(this.folder), JSON.stringify(this.#entries))
  }
}

/** Removes what runs left that did not come to their end. @returns how many */
export async function sweep(): Promise<number> {
  let swept = 0
  for (const folder of globSync(`${prefix}*`)) {
    const entries = read(folder)
    if (entries === undefined || isAlive(entries.owner) || !mayRemove(folder)) continue
    for (const server of entries.servers) signal(server, 'SIGKILL')
    for (const name of entries.cgroups) await removeCgroup(name)
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
    swept++
  }
  if (swept > 0) say(`removed what ${swept} earlier ${swept === 1 ? 'run' : 'runs'} left`)
  return swept
}

/** Nobody but root removes what others left. */
const mayRemove = (folder: string) =>
  process.getuid?.() === 0 || statSync(folder, { throwIfNoEntry: false })?.uid === process.getuid?.()

/** @returns undefined while its owner is about to write it; without any, the folder is nobody's after a minute */
function read(folder: string): Entries | undefined {
  try {
    if (existsSync(fileOf(folder))) return JSON.parse(readFileSync(fileOf(folder), 'utf8'))
    if (Date.now() - statSync(folder).mtimeMs < 60_000) return undefined
  } catch {
    return undefined // another process sweeps, or writes
  }
  return { owner: { pid: 0, started: '' }, servers: [], cgroups: [] }
}
