import { closeSync, copyFileSync, fstatSync, openSync, readSync, statSync, truncateSync } from 'node:fs'

const maxBytes = 2 * 1024 * 1024
const tailBytes = 64 * 1024

/** Keeps a log that processes hold open below its limit: what is older moves to one file beside it. Hosts
 *  append, so after the cut they go on at the new end; what comes between copy and cut is lost. */
export function rotate(path: string): void {
  try {
    if (statSync(path).size < maxBytes) return
    try {
      copyFileSync(path, `${path}.1`)
    } finally {
      truncateSync(path)
    }
  } catch (error) {
    if (!harmless.has((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

/** No log yet; or no room for the older half, which is given up then. */
const harmless = new Set(['ENOENT', 'ENOSPC', 'EDQUOT'])

/** Whole lines from `offset` on, and where the next read goes on. Starts over when the file was cut. */
export function readLines(path: string, offset: number): { lines: string[]; offset: number } {
  let fd: number
  try {
    fd = openSync(path, 'r')
  } catch {
    return { lines: [], offset: 0 }
  }
  try {
    const { size } = fstatSync(fd)
    const start = size < offset ? 0 : offset
    const buffer = Buffer.alloc(Math.min(size - start, maxBytes))
    const end = readSync(fd, buffer, 0, buffer.length, start)
    const last = buffer.lastIndexOf(0x0a, end - 1) + 1
    return { lines: buffer.toString('utf8', 0, last).split('\n').slice(0, -1), offset: start + last }
  } finally {
    closeSync(fd)
  }
}

/** The last lines, and the offset behind them. */
export function tail(path: string, count: number): { lines: string[]; offset: number } {
  let size = 0
  try {
    size = statSync(path).size
  } catch {
    return { lines: [], offset: 0 }
  }
  const { lines, offset } = readLines(path, Math.max(0, size - tailBytes))
  return { lines: count === 0 ? [] : lines.slice(-count), offset }
}
