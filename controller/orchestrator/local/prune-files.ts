import { rmdirSync } from 'node:fs'
import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'

export interface Limits {
  olderThanMs: number
  /** Of all files that are not kept; the oldest go first. */
  maxBytes: number
  /** Paths of files that stay, whatever their age. */
  keep?: ReadonlySet<string>
}

/** Bounds what is below a folder by age and size; folders that are empty then go with their files. */
export async function pruneFiles(folder: string, { olderThanMs, maxBytes, keep }: Limits): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const paths = entries.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name))
  const files: { path: string; usedMs: number; bytes: number }[] = []
  for (const path of paths) {
    if (keep?.has(path)) continue
    const found = await stat(path).catch(() => undefined)
    // A cache is read and not written; where reading isn't dated, the date of writing is what there is.
    if (found) files.push({ path, usedMs: Math.max(found.mtimeMs, found.atimeMs), bytes: found.size })
  }
  let bytes = 0
  for (const file of files.toSorted((a, b) => b.usedMs - a.usedMs)) {
    bytes += file.bytes
    if (bytes > maxBytes || Date.now() - file.usedMs > olderThanMs) await rm(file.path, { force: true })
  }
  const folders = entries
    .filter(entry => entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name))
  for (const path of folders.toSorted((a, b) => b.length - a.length)) {
    try {
      rmdirSync(path) // at once: not between the moment when a start makes its folder and opens its log
    } catch {} // not empty
  }
}
