import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { stateProblem } from './state-folder.ts'

/** Writes all or nothing: a reader, or a restart after `kill -9`, sees the old content or the new one.
 *  @throws Problem when the disk is full, or may not be written to */
export function writeAtomic(path: string, content: string | Uint8Array, mode = 0o644): void {
  const temporary = `${path}.${process.pid}.tmp`
  try {
    mkdirSync(dirname(path), { recursive: true })
    const fd = openSync(temporary, 'w', mode)
    try {
      writeFileSync(fd, content) // all of it: one `write` to a disk that is nearly full may take in a part
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    renameSync(temporary, path)
  } catch (error) {
    try {
      rmSync(temporary, { force: true })
    } catch {} // the first error says it
    throw stateProblem(error, path)
  }
}

export const writeJson = (path: string, value: unknown, mode?: number) =>
  writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`, mode)

/** @returns undefined when there is no such file, or it holds no JSON. */
export function readJson<T>(path: string): T | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
