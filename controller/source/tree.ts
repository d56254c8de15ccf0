import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { Problem } from '../../schema/problem.ts'
import type { Git } from './git.ts'
import { leavesTree } from './links.ts'
import { type Entry, names } from './listing.ts'

/** Objects read at once; a tree of any size passes through this much memory. */
const maxBatchBytes = 64 * 1024 * 1024

/** Writes the files of a commit below an empty folder, as they are stored: no filter, no change of line ends. */
export async function writeTree(
  git: Git,
  entries: Entry[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  const links = new Map<string, string>()
  const folders = new Set<string>()
  let written = 0
  for (const batch of batches(entries)) {
    const objects = readObjects(
      await git.objects(
        batch.map(({ object }) => object),
        signal,
      ),
    )
    for (const { path, mode } of batch) {
      const { content } = objects.next().value!
      if (mode === '120000') {
        links.set(path, content.toString())
        continue
      }
      const parent = dirname(path)
      if (!folders.has(parent)) mkdirSync(join(folder, parent), { recursive: true })
      folders.add(parent)
      writeFileSync(join(folder, path), content, { flag: 'wx', mode: mode === '100755' ? 0o755 : 0o644 })
      if (++written % 64 === 0) await setImmediate() // synchronous is four times as fast, but others wait
    }
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

function* batches(entries: Entry[]): Generator<Entry[]> {
  let batch: Entry[] = []
  let bytes = 0
  for (const entry of entries) {
    if (batch.length && bytes + entry.bytes > maxBatchBytes) {
      yield batch
      batch = []
      bytes = 0
    }
    batch.push(entry)
    bytes += entry.bytes
  }
  if (batch.length) yield batch
}

export class MissingObject extends Error {}

/** What `git cat-file --batch` prints: `<object> <type> <size>`, the content, a line feed; or `<name> missing`. */
export function* readObjects(output: Buffer): Generator<{ object: string; content: Buffer }, undefined> {
  for (let at = 0; at < output.length; ) {
    const end = output.indexOf('\n', at)
    const [object, , size] = output.toString('utf8', at, end).split(' ')
    if (size === undefined) throw new MissingObject(`the mirror lacks ${object}`)
    const start = end + 1
    at = start + Number(size) + 1
    yield { object: object!, content: output.subarray(start, at - 1) }
  }
  return undefined
}
