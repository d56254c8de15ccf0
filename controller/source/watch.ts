import { existsSync, type FSWatcher, readdirSync, watch } from 'node:fs'
import { basename, join } from 'node:path'
import { parseAddress } from './address.ts'

export interface Watcher {
  close(): void
}

/** Many refs may move in one push, and each in several steps. */
const settleMs = 10
/** How often to look whether a repository that went away is back. */
const absentMs = 1000

/**
 * Notices pushes to a repository on this machine without polling.
 * @param onChange a branch may have moved: look
 * @returns `undefined` for a repository elsewhere
 */
export function watchRepository(url: string, onChange: () => void): Watcher | undefined {
  const { path } = parseAddress(url)
  if (path === undefined) return undefined
  let watchers: FSWatcher[] = []
  let timer: NodeJS.Timeout | undefined

  const changed = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      // Afresh each time: folders of branches come and go, and so may the repository itself.
      start()
      onChange()
    }, settleMs)
  }
  const start = () => {
    const before = watchers
    watchers = []
    try {
      const gitDir = existsSync(join(path, 'objects')) ? path : join(path, '.git')
      for (const folder of refFolders(gitDir)) watchers.push(watch(folder, changed))
      // Under its own name, the folder tells that it was moved or removed.
      const tells = (name: string | null) => name === null || isRefs.test(name) || name === basename(gitDir)
      watchers.push(watch(gitDir, (_, name) => tells(name) && changed()))
      for (const watcher of watchers) watcher.on('error', changed)
    } catch {
      awaitReturn()
    }
    for (const watcher of before) watcher.close()
  }
  const awaitReturn = () => {
    clearTimeout(timer)
    timer = setTimeout(() => (existsSync(path) ? changed() : awaitReturn()), absentMs)
    timer.unref()
  }
  start()
  return {
    close() {
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
    },
  }
}

/** What moves in a repository's folder itself when a branch does, or when the folder goes. */
const isRefs = /^(packed-refs|HEAD|refs)$/

/** Where branches are files: `refs/heads`, with a folder for each `feature/…`; or all of them in `reftable`.
 *  One watcher for each, as Node's recursive watch loses a file on Linux once it is replaced by a rename. */
function refFolders(gitDir: string): string[] {
  const heads = join(gitDir, 'refs/heads')
  const below = readdirSync(heads, { recursive: true, withFileTypes: true })
  const folders = below.filter(entry => entry.isDirectory()).map(entry => join(entry.parentPath, entry.name))
  const reftable = join(gitDir, 'reftable')
  return [heads, ...folders, ...(existsSync(reftable) ? [reftable] : [])]
}
