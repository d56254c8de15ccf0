import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git } from '../../git.ts'
import type { Pull } from './pull-requests.ts'

/** Merges the branch of a pull request in a bare repository, by a commit with two parents.
 *  @returns that commit @throws Problem where they conflict */
export async function merge(
  repository: string,
  { number, title, branch, base }: Pick<Pull, 'number' | 'title' | 'branch' | 'base'>,
): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'dyninka-merge-'))
  try {
    await git(copy, 'clone', '--quiet', '--branch', base, repository, '.')
    // The machine may have no identity yet, and signing would ask for a key.
    for (const [name, value] of [
      ['user.name', 'Demo'],
      ['user.email', 'demo@example.org'],
      ['commit.gpgSign', 'false'],
    ])
      await git(copy, 'config', name!, value!)
    const message = `Merge pull request #${number}\n\n${title}`
    await git(copy, 'merge', '--quiet', '--no-ff', '--message', message, `origin/${branch}`)
    await git(copy, 'push', '--quiet', 'origin', base)
    return await git(copy, 'rev-parse', 'HEAD')
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
}
