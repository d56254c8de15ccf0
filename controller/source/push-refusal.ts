import { Problem } from '../../schema/problem.ts'
import { redact } from './address.ts'
import type { GitFailure } from './git.ts'

/** What it means that a remote does not take a branch, by what Git and the server say (in English, see `openGit`). */
export function pushRefusal(branch: string, { stderr }: Pick<GitFailure, 'stderr'>): Problem {
  const said = redact(stderr)
  if (said.includes('stale info'))
    return new Problem('BranchChanged', `the branch ${branch} has changed meanwhile`, {
      hint: 'It is looked at again.',
    })
  const lines = said.split('\n').filter(text => /rejected|denied|error|fatal|remote:/i.test(text))
  // The server's own words say more than Git's.
  const line = lines.find(text => /remote: *\S/.test(text)) ?? lines[0] ?? said
  const isInTheWay = /cannot lock ref|directory file conflict/i.test(said)
  return new Problem('BranchRefused', `the branch ${branch} can't be pushed: ${line.trim()}`, {
    disposition: 'waiting',
    hint: isInTheWay
      ? 'A branch of the repository is named like a part of it: remove that, or have another prefix (--branch-prefix).'
      : 'Who pushes needs write access to it, and no rule of the repository may forbid it.',
  })
}
