import { Problem } from '../../schema/problem.ts'
import { suggest } from '../../schema/suggest.ts'
import type { Git } from './git.ts'

/** A branch of the remote and the commit that it is at. */
export interface Tip {
  branch: string
  commit: string
}

const heads = 'refs/heads/'

/** Asks the remote where a branch is. @param branch default: that of the remote's HEAD @throws Problem */
export async function findTip(
  git: Git,
  url: string,
  branch: string | undefined,
  signal: AbortSignal,
): Promise<Tip> {
  const wanted = branch === undefined ? 'HEAD' : heads + branch
  const { refs, head } = parseRefs(await git.run(['ls-remote', '--symref', 'origin', wanted], signal))
  const name = branch ?? head
  const commit = refs.get(wanted)
  if (commit && name !== undefined) return { branch: name, commit }
  const all = parseRefs(await git.run(['ls-remote', 'origin', `${heads}*`], signal)).refs
  const branches = [...all.keys()].map(ref => ref.slice(heads.length))
  if (branches.length === 0)
    throw new Problem('EmptyRepository', `${url} has no commit yet`, {
      disposition: 'stalled',
      hint: 'Push one: `git push origin HEAD`.',
    })
  // The HEAD of a bare repository often names a branch that was never pushed.
  if (branch === undefined && branches.length === 1)
    return { branch: branches[0]!, commit: all.get(heads + branches[0])! }
  if (branch === undefined)
    throw new Problem('BranchNotFound', `${url} has no default branch`, {
      disposition: 'stalled',
      hint: `Name one of its branches: ${branches.slice(0, 5).join(', ')}.`,
    })
  const close = suggest(branch, branches)
  throw new Problem('BranchNotFound', `${url} has no branch ${branch}`, {
    disposition: 'stalled',
    hint: close ? `Did you mean ${close}? Or push the branch.` : 'Push the branch, or name another.',
  })
}

/** `git ls-remote --symref`: `<commit>\t<ref>`, and `ref: refs/heads/main\tHEAD` for what HEAD stands for. */
export function parseRefs(output: string): { refs: Map<string, string>; head?: string } {
  const refs = new Map<string, string>()
  let head: string | undefined
  for (const line of output.split('\n')) {
    const [value, ref] = line.split('\t')
    if (value === undefined || ref === undefined) continue
    if (!value.startsWith('ref: ')) refs.set(ref, value)
    else if (ref === 'HEAD') head = value.slice('ref: '.length + heads.length)
  }
  return { refs, ...(head !== undefined && { head }) }
}
