import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { dependenciesIn, memoryFile } from './memory.ts'
import { markUsed } from './store.ts'

export interface InUse {
  /** Digests of what runs, is wanted, or may be rolled back to. */
  artifacts: ReadonlySet<string>
  /** Of each dataflow, relative to the top of its tree. */
  folders: Iterable<string>
}

const dayMs = 86_400_000
/** Nobody works for so long in one temporary folder. */
const abandonedMs = 3_600_000

/**
 * Removes from a store what is not in use and has not been used for `olderThanMs`, with the folders that dead
 * writers left. What is in use is dated anew, so that another controller that shares the store leaves it too.
 */
export async function pruneStore(store: string, inUse: InUse, olderThanMs = 7 * dayMs): Promise<void> {
  const memories = [...inUse.folders].map(folder => memoryFile(store, folder === '.' ? '' : folder))
  const installed = await Promise.all(memories.map(dependenciesIn))
  const keep = new Set([
    ...[...inUse.artifacts].map(digest => digest.replace(':', '/')),
    ...installed.flat().map(digest => `deps/${digest}`),
    ...memories.map(file => `memory/${basename(file)}`),
  ])
  for (const kind of ['sha256', 'deps', 'memory', 'tmp']) {
    for (const name of await readdir(join(store, kind)).catch(() => [])) {
      const path = join(store, kind, name)
      if (keep.has(`${kind}/${name}`))
        await markUsed(path).catch(() => {}) // it was never built or installed
      else if (await isOlder(path, kind === 'tmp' ? abandonedMs : olderThanMs)) await remove(store, path)
    }
  }
}

const isOlder = async (path: string, ms: number) => {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > ms
}

/** By a rename first: nobody finds half of it. */
async function remove(store: string, path: string): Promise<void> {
  const away = join(store, 'tmp', randomUUID())
  await mkdir(join(store, 'tmp'), { recursive: true })
  await rename(path, away).catch(() => {})
  await rm(away, { recursive: true, force: true })
}
