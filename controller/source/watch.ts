import { existsSync, type FSWatcher, watch } from 'node:fs'
import { join } from 'node:path'
import { watch as watchTree } from 'chokidar'
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
  let watchers: (FSWatcher | ReturnType<typeof watchTree>)[] = []
  let settling: NodeJS.Timeout | undefined
  let returning: NodeJS.Timeout | undefined
  let closed = false

  const stop = () => {
    for (const watcher of watchers) void watcher.close()
    watchers = []
  }
  const start = () => {
    if (closed) return
    const gitDir = existsSync(join(path, 'objects')) ? path : join(path, '.git')
    try {
      // Branches move as files here, or all at once in packed-refs or reftable.
      // Not Node's own recursive watch: on Linux it missed 4 of 25 pushes, since a branch is replaced by rename.
      const heads = watchTree(join(gitDir, 'refs/heads'), {
        ignoreInitial: true,
        atomic: false,
        alwaysStat: true,
      })
      watchers.push(heads.on('all', changed))
      watchers.push(watch(gitDir, (_, name) => /^(packed-refs|HEAD|refs)$/.test(name ?? 'HEAD') && changed()))
      if (existsSync(join(gitDir, 'reftable'))) watchers.push(watch(join(gitDir, 'reftable'), changed))
      for (const watcher of watchers) watcher.on('error', changed)
    } catch {
      stop()
      awaitReturn()
    }
  }
  const changed = () => {
    clearTimeout(settling)
    settling = setTimeout(() => {
      // A folder that was removed and made again is another one, which the watchers do not see.
      if (!existsSync(join(path, 'HEAD')) && !existsSync(join(path, '.git/HEAD'))) {
        stop()
        awaitReturn()
      }
      onChange()
    }, settleMs)
  }
  const awaitReturn = () => {
    returning = setTimeout(() => {
      start()
      if (watchers.length) onChange()
    }, absentMs)
    returning.unref()
  }
  start()
  return {
    close() {
      closed = true
      clearTimeout(settling)
      clearTimeout(returning)
      stop()
    },
  }
}
