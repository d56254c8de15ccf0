import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Sink } from './sink.ts'

/** Appends each record as a line of JSON; records that come while the disk is busy share a write and a sync. */
export function fileSink(path: string): Sink {
  const place = resolve(path)
  let file: Promise<FileHandle> | undefined
  let gathered: string[] = []
  let next: Promise<void> | undefined
  let current: Promise<void> = Promise.resolve()

  async function write() {
    const lines = gathered.join('')
    gathered = []
    next = undefined
    file ??= mkdir(dirname(place), { recursive: true }).then(() => open(place, 'a'))
    const handle = await file
    await handle.appendFile(lines)
    await handle.datasync()
  }

  return {
    handler(value) {
      gathered.push(`${JSON.stringify(value)}\n`)
      next ??= current.catch(() => {}).then(write)
      current = next
      return next
    },
    async close() {
      await current.catch(() => {})
      await (await file)?.close()
    },
  }
}
