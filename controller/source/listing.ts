import { Problem } from '../../schema/problem.ts'
import type { Git } from './git.ts'

/** A file or symbolic link of a commit. */
export interface Entry {
  path: string
  mode: string
  object: string
  bytes: number
}

/** Everything in a commit. @throws Problem that names what can't be taken */
export async function listEntries(
  git: Git,
  ref: string,
  maxBlobBytes: number,
  signal: AbortSignal,
): Promise<Entry[]> {
  try {
    const entries = parseListing(await git.run(['ls-tree', '-r', '-l', '-z', ref], signal))
    checkEntries(entries, maxBlobBytes)
    return entries
  } catch (error) {
    if (error instanceof Problem) throw error
    // A server that keeps back what is too large leaves nothing here to measure.
    const walk = ['rev-list', '--objects', '--missing=print', '--max-count=1', ref]
    const absent = new Set((await git.run(walk, signal)).match(/(?<=^\?)\w+/gm))
    if (absent.size === 0) throw error
    const lines = (await git.run(['ls-tree', '-r', '-z', ref], signal)).split('\0')
    const paths = lines.flatMap(line => {
      const [, object, path] = /^\d+ \w+ (\w+)\t(.+)$/s.exec(line) ?? []
      return path !== undefined && absent.has(object!) ? [{ path }] : []
    })
    throw tooLarge(paths, maxBlobBytes)
  }
}

/** `git ls-tree -r -l -z` as entries. Submodules are left out: they belong to other repositories. */
export function parseListing(listing: string): Entry[] {
  const entries: Entry[] = []
  for (const line of listing.split('\0')) {
    const [, mode, type, object, bytes, path] = /^(\d+) (\w+) (\w+) +(\d+|-)\t(.+)$/s.exec(line) ?? []
    if (type === 'blob') entries.push({ path: path!, mode: mode!, object: object!, bytes: Number(bytes) })
  }
  return entries
}

/** @throws Problem that names every file that is too large, or has a name that could write elsewhere */
export function checkEntries(entries: Entry[], maxBlobBytes: number): void {
  const bad = entries.filter(({ path }) => path.split('/').some(part => /^(|\.\.?|\.git)$/i.test(part)))
  if (bad.length)
    throw new Problem('UnsafePath', `the commit holds ${names(bad)}`, { disposition: 'stalled' })
  const large = entries.filter(({ bytes }) => bytes > maxBlobBytes)
  if (large.length) throw tooLarge(large, maxBlobBytes)
}

function tooLarge(files: { path: string; bytes?: number }[], maxBlobBytes: number): Problem {
  const size = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`
  const list = names(files.map(({ path, bytes }) => ({ path: bytes ? `${path} (${size(bytes)})` : path })))
  return new Problem('FileTooLarge', `${list}: larger than ${size(maxBlobBytes)}`, {
    disposition: 'stalled',
    hint: 'Take it out of the commit (`git rm --cached`, then amend or commit), and keep it where functions can fetch it.',
  })
}

/** The first of them, and how many more. */
export function names(files: { path: string }[]): string {
  const shown = files.slice(0, 5).map(({ path }) => path)
  return shown.join(', ') + (files.length > 5 ? ` and ${files.length - 5} more` : '')
}
