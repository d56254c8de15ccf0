import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Problem } from '../../schema/problem.ts'
import { leavesTree } from './links.ts'
import { type Entry, names } from './listing.ts'

/**
 * Writes the files of a commit below an empty folder, as they are stored: no filter, no change of line ends.
 * @param contents of the entries, in their order
 */
export async function writeTree(
  entries: Entry[],
  contents: AsyncIterator<{ content: Buffer }, never>,
  folder: string,
): Promise<void> {
  const links = new Map<string, string>()
  const folders = new Set<string>()
  for (const [i, { path, mode }] of entries.entries()) {
    const { content } = (await contents.next()).value
    if (mode === '120000') {
      links.set(path, content.toString())
      continue
    }
    const parent = dirname(path)
    if (!folders.has(parent)) mkdirSync(join(folder, parent), { recursive: true })
    folders.add(parent)
    writeFileSync(join(folder, path), content, { flag: 'wx', mode: mode === '100755' ? 0o755 : 0o644 })
    if (i % 64 === 63) await setImmediate() // synchronous is four times as fast, but others wait
  }
  const leaving = [...links.keys()].filter(path => leavesTree(path, links))
  if (leaving.length)
    throw new Problem(
      'LinkLeavesRepository',
      `${names(leaving.map(path => ({ path: `${path} → ${links.get(path)}` })))}: a symbolic link out of the repository`,
      { disposition: 'stalled', hint: 'Commit the file that it points to in its place, or remove the link.' },
    )
  for (const [path, target] of links) {
    mkdirSync(join(folder, dirname(path)), { recursive: true })
    symlinkSync(target, join(folder, path))
  }
}
