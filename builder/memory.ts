import { mkdir, readFile, rename, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Metafile } from 'esbuild'
import { sha256 } from './artifact.ts'
import { isInstalled } from './installed.ts'
import { isUnchanged, type Look, lookOf } from './look.ts'
import { temporaryFolder } from './store.ts'
import { toolchain } from './toolchain.ts'
import type { Tree } from './tree.ts'

/** What the last build of one file saw, so that the next one can tell that it would see the same. */
interface Remembered {
  digest: string
  /** sha256 of each file that was read, by path from root. */
  inputs: { [path: string]: string }
  look: Look
  /** Of the npm packages, if any went in. */
  dependencies?: string
}

/** @param name of the folder of the dataflow, relative to the top of its tree */
export const memoryFile = (store: string, name: string) =>
  join(store, 'memory', `${sha256(JSON.stringify([name, toolchain]))}.json`)

/** The installations that the builds in a memory used. @throws never */
export async function dependenciesIn(file: string): Promise<string[]> {
  try {
    const entries: Remembered[] = Object.values(JSON.parse(await readFile(file, 'utf8')))
    return entries.flatMap(({ dependencies }) => dependencies ?? [])
  } catch {
    return [] // torn, or nothing was built yet
  }
}

/** Remembers builds by the path of the function's file. It only saves work: without it, every function is
 *  bundled again and comes out the same. */
export class Memory {
  readonly #file: string
  readonly #store: string
  readonly #entries: Map<string, Remembered>
  #changed = false

  private constructor(store: string, file: string, entries: Map<string, Remembered>) {
    this.#store = store
    this.#file = file
    this.#entries = entries
  }

  /** @param name tells the memories of one store apart */
  static async open(store: string, name: string): Promise<Memory> {
    const file = memoryFile(store, name)
    const text = await readFile(file, 'utf8').catch(() => '{}')
    let entries: { [code: string]: Remembered } = {}
    try {
      entries = JSON.parse(text) ?? {}
    } catch {} // torn: start anew
    return new Memory(store, file, new Map(Object.entries(entries)))
  }

  /** The digest of what `code` would be built to, if nothing that decides it has changed. */
  async recall(tree: Tree, code: string, dependencies?: string): Promise<string | undefined> {
    const entry = this.#entries.get(code)
    if (!entry) return undefined
    if (entry.dependencies !== undefined && entry.dependencies !== dependencies) return undefined
    for (const [path, hash] of Object.entries(entry.inputs)) {
      if (tree.hash(path) !== hash) return undefined
    }
    return (await isUnchanged(tree, entry.look)) ? entry.digest : undefined
  }

  /** @param startedAt when the bundler began, ms since the epoch */
  async remember(
    tree: Tree,
    code: string,
    built: { metafile: Metafile; digest: string; startedAt: number; dependencies?: string },
  ): Promise<void> {
    const { metafile, digest, dependencies } = built
    const files = Object.keys(metafile.inputs)
    // Part of this installation, which no digest in the memory covers: look again each time.
    if (files.some(path => path.startsWith('dyninka:'))) return
    const own = files.filter(path => !isInstalled(path))
    const inputs: Remembered['inputs'] = {}
    const { look, manifests } = await lookOf(tree, code, metafile, own)
    for (const path of [...own, ...manifests]) {
      const hash = tree.hash(path)
      const { mtimeMs } = await stat(join(tree.root, path)).catch(() => ({ mtimeMs: Infinity }))
      // Perhaps saved again, or gone, while it was built. File systems date a change some ms early.
      if (hash === undefined || mtimeMs > built.startedAt - 10) return
      inputs[path] = hash
    }
    const usesPackages = own.length < files.length
    this.#entries.set(code, { digest, inputs, look, ...(usesPackages && dependencies && { dependencies }) })
    this.#changed = true
  }

  /** Forgets what is no longer there, and keeps the rest for the next build. */
  async save(tree: Tree): Promise<void> {
    for (const code of this.#entries.keys()) {
      if (tree.hash(code) === undefined) this.#changed = this.#entries.delete(code)
    }
    if (!this.#changed) return
    const fresh = join(await temporaryFolder(this.#store), 'memory.json')
    await mkdir(dirname(this.#file), { recursive: true })
    await writeFile(fresh, JSON.stringify(Object.fromEntries(this.#entries)))
    await rename(fresh, this.#file)
    await rmdir(dirname(fresh))
  }
}
