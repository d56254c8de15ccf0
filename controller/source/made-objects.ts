import type { Git } from './git.ts'

/** Who commits what nobody has written. */
export const author = { name: 'Dyninka', email: 'dyninka@users.noreply.invalid' }

/** A commit of ours. @returns its hash */
export async function commitTree(
  git: Git,
  tree: string,
  parents: string[],
  message: string,
  signal: AbortSignal,
): Promise<string> {
  const as = ['-c', `user.name=${author.name}`, '-c', `user.email=${author.email}`]
  const above = parents.flatMap(parent => ['-p', parent])
  return (await git.run([...as, 'commit-tree', tree, ...above, '-F', '-'], signal, message)).trim()
}
