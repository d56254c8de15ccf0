import { realpath } from 'node:fs/promises'
import { relative } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import { git } from '../git.ts'

/** One file in a person's checkout. */
export class Checkout {
  readonly root: string
  /** Of the file, relative to the root. */
  readonly path: string

  private constructor(root: string, path: string) {
    this.root = root
    this.path = path
  }

  /** @throws Problem when the file is not in Git, or has changes that are not committed */
  static async of(dir: string, file: string): Promise<Checkout> {
    const root = await git(dir, 'rev-parse', '--show-toplevel').catch(cause => {
      if (cause instanceof Problem && cause.reason === 'NoGit') throw cause
      throw new Problem('NoRepository', `${dir} is in no Git repository`, {
        hint: 'Move it there, or edit the file by hand; --now needs no file.',
        cause,
      })
    })
    const checkout = new Checkout(root, relative(root, await realpath(file)))
    const state = await git(root, 'status', '--porcelain', '--', checkout.path)
    if (state === '') return checkout
    throw new Problem(
      'Uncommitted',
      `${checkout.path} ${state.startsWith('??') ? 'is not in Git yet' : 'has changes that are not committed'}`,
      { hint: 'Commit them first, or put them away with `git stash`.' },
    )
  }

  /** Of that file alone. @returns its hash */
  async commit(message: string): Promise<string> {
    await git(this.root, 'commit', '--quiet', '-m', message, '--', this.path)
    return git(this.root, 'rev-parse', 'HEAD')
  }

  /** Where a push goes: `git push` knows by itself, or the one remote there is. @throws Problem */
  async destination(): Promise<string[]> {
    const branch = await git(this.root, 'symbolic-ref', '--short', 'HEAD').catch(cause => {
      throw new Problem('NoBranch', 'no branch is checked out', {
        hint: 'Check one out, or add --no-push.',
        cause,
      })
    })
    const upstream = await git(this.root, 'rev-parse', '--abbrev-ref', '@{upstream}').catch(() => '')
    if (upstream !== '') return ['push', '--quiet']
    const remotes = (await git(this.root, 'remote')).split('\n').filter(name => name !== '')
    if (remotes.length === 1) return ['push', '--quiet', '--set-upstream', remotes[0]!, branch]
    const which = remotes.length === 0 ? 'there is no remote' : `branch ${branch} follows none of the remotes`
    throw new Problem('NoUpstream', `nothing says where to push: ${which}`, {
      hint: 'Add --no-push, or name it once with `git push -u REMOTE BRANCH`.',
    })
  }

  /** @throws Problem; the commit stays */
  async push(to: string[]): Promise<void> {
    await git(this.root, ...to).catch((cause: Problem) => {
      throw new Problem('PushFailed', `the move is committed, and not pushed: ${cause.message}`, {
        hint: 'Mend that, `git pull --rebase` if others have pushed, and `git push`.',
        cause,
      })
    })
  }
}
