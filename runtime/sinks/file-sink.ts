import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Sink } from './sink.ts'

/** Appends each record as a line of JSON; records that come while the disk is busy share a write and a sync. */
export function fileSink(path: string, sent: (bytes: number) => void): Sink {
  const place = resolve(path)
  let file: FileHandle | undefined
  let gathered: string[] = []
  let next: Promise<void> | undefined
  let current: Promise<void> = Promise.resolve()

  async function write() {
    const all = gathered
    const lines = all.join('')
    gathered = []
    next = undefined
    file ??= await openForAppend(place)
    try {
      await file.appendFile(lines)
      await file.datasync()
      for (const line of all) sent(Buffer.byteLength(line))
    } catch (error) {
      // Opened anew, the file is mended before the next line goes behind a torn one.
      await file.close().catch(() => {})
      file = undefined
      throw error
    }
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
      await file?.close()
    },
  }
}

/** A last line without an end was torn by a crash or a full disk, and comes again: it gets its end. */
async function openForAppend(place: string): Promise<FileHandle> {
  await mkdir(dirname(place), { recursive: true })
  const file = await open(place, 'a+')
  const { size } = await file.stat()
  const { buffer } =
    size > 0 ? await file.read(Buffer.alloc(1), 0, 1, size - 1) : { buffer: Buffer.from('\n') }
  if (buffer.toString() !== '\n') await file.appendFile('\n')
  return file
}
