import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const pageBytes = 4_096

/** Memory that a process takes, in bytes; undefined where there is no such process. */
export function residentBytes(pid: number): number | undefined {
  try {
    if (process.platform !== 'linux') {
      const text = execFileSync('ps', ['-o', 'rss=', '-p', String(pid)], { encoding: 'utf8' })
      return Number(text) * 1_024
    }
    // Its size, then what of it is in memory, in pages.
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return undefined // it has ended meanwhile
  }
}
