import { type FSWatcher, mkdirSync, readdirSync, watch } from 'node:fs'
import { join } from 'node:path'
import { parseLine } from '../log-line.ts'
import type { LogLine, LogOptions } from '../orchestrator.ts'
import { readLines, tail } from './host-log.ts'

/** The last lines of all hosts of a flow, by time, then what they write from now on. */
export async function* followLogs(
  folder: string,
  node: string | undefined,
  { follow, lines, signal }: LogOptions,
): AsyncIterable<LogLine> {
  const offsets = new Map<string, number>()
  const recent: LogLine[] = []
  for (const file of filesIn(folder, node)) {
    const end = tail(file.path, lines)
    offsets.set(file.path, end.offset)
    recent.push(...end.lines.map(line => parseLine(line, file.node, file.host)))
  }
  yield* recent.toSorted((a, b) => a.time - b.time).slice(-lines)
  if (!follow) return
  const wake = watchFolder(folder, signal)
  while (!signal.aborted) {
    for (const file of filesIn(folder, node)) {
      const more = readLines(file.path, offsets.get(file.path) ?? 0)
      offsets.set(file.path, more.offset)
      for (const line of more.lines) yield parseLine(line, file.node, file.host)
    }
    await wake()
  }
}

function filesIn(folder: string, only: string | undefined) {
  const names = (path: string) => {
    try {
      return readdirSync(path)
    } catch {
      return []
    }
  }
  return (only === undefined ? names(folder) : [only]).flatMap(node =>
    names(join(folder, node))
      .filter(name => name.endsWith('.log'))
      .map(name => ({ node, host: name.slice(0, -4), path: join(folder, node, name) })),
  )
}

/** Resolves at the next change below the folder, or soon after: not every file system tells of every change. */
function watchFolder(folder: string, signal: AbortSignal): () => Promise<void> {
  const pollMs = 1_000
  let changed = false
  let wake = () => {}
  let watcher: FSWatcher | undefined
  const notice = () => {
    changed = true
    wake()
  }
  mkdirSync(folder, { recursive: true })
  watcher = watch(folder, { recursive: true, persistent: false }, notice)
  watcher.on('error', () => watcher?.close())
  signal.addEventListener('abort', () => {
    watcher?.close()
    notice()
  })
  return async () => {
    if (!changed) {
      await new Promise<void>(resolve => {
        const timer = setTimeout(resolve, pollMs)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
    changed = false
  }
}
