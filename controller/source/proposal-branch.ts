import { Attachments } from './attachments.ts'
import { type Git, GitFailure } from './git.ts'
import { commitTree } from './made-objects.ts'
import { pushRefusal } from './push-refusal.ts'
import { parseRefs } from './remote.ts'

export interface BranchTip {
  commit: string
  parents: string[]
  /** E-mail address of who committed it. */
  committer: string
}

export interface ProposedCommit {
  /** The commit that it changes. */
  base: string
  /** Of the one file, from the root of the repository. */
  path: string
  text: string
  message: string
}

/** A branch of the remote that has one commit of ours over the one that it changes. Nothing of it touches a work tree. */
export class ProposalBranch {
  readonly name: string
  /** What belongs to its pull request. */
  readonly attachments: Attachments
  #git: Git
  #ref: string

  constructor(git: Git, name: string) {
    this.#git = git
    this.name = name
    this.attachments = new Attachments(git, name)
    this.#ref = `refs/heads/${name}`
  }

  /** @returns undefined where there is no such branch */
  async tip(signal: AbortSignal): Promise<BranchTip | undefined> {
    const { refs } = parseRefs(await this.#git.run(['ls-remote', 'origin', this.#ref], signal))
    const commit = refs.get(this.#ref)
    if (commit === undefined) return undefined
    const own = `refs/dyninka/${this.name}`
    await this.#git.run(
      ['fetch', '--no-tags', '--no-write-fetch-head', 'origin', `+${this.#ref}:${own}`],
      signal,
    )
    const format = '--format=%ce%n%P'
    const told = await this.#git.run(['log', '-1', '--no-show-signature', format, commit], signal)
    const [committer = '', parents = ''] = told.split('\n')
    return { commit, committer, parents: parents.split(' ').filter(Boolean) }
  }

  /** Makes the branch have this commit and no other. @param known its tip as it was seen; it is not moved if that has
   *  changed since @returns the commit @throws Problem when the remote refuses it */
  async propose(proposed: ProposedCommit, known: string | undefined, signal: AbortSignal): Promise<string> {
    const commit = await this.#commit(proposed, signal)
    await this.#push(`${commit}:${this.#ref}`, known, signal)
    return commit
  }

  async remove(known: string, signal: AbortSignal): Promise<void> {
    await this.#push(`:${this.#ref}`, known, signal)
  }

  async #commit({ base, path, text, message }: ProposedCommit, signal: AbortSignal): Promise<string> {
    const blob = await this.#made(['hash-object', '-w', '--stdin'], signal, text)
    const folders = path.split('/')
    let entry = { name: folders.pop()!, mode: '', type: 'blob', object: blob }
    for (;;) {
      const tree = await this.#treeWith(base, folders.join('/'), entry, signal)
      const name = folders.pop()
      if (name === undefined) {
        return commitTree(this.#git, tree, [base], message, signal)
      }
      entry = { name, mode: '', type: 'tree', object: tree }
    }
  }

  /** The folder as the base has it, but for one entry, which keeps its mode. */
  async #treeWith(
    base: string,
    folder: string,
    { name, object }: { name: string; object: string },
    signal: AbortSignal,
  ): Promise<string> {
    const listing = await this.#git.run(['ls-tree', '-z', `${base}:${folder}`], signal)
    const entries = listing.split('\0').filter(Boolean)
    // `<mode> <type> <object>\t<name>`
    const changed = entries.map(entry => {
      const [meta, own] = [entry.slice(0, entry.indexOf('\t')), entry.slice(entry.indexOf('\t') + 1)]
      const [mode, type] = meta.split(' ')
      return own === name ? `${mode} ${type} ${object}\t${own}` : entry
    })
    return this.#made(['mktree', '-z', '--missing'], signal, `${changed.join('\0')}\0`)
  }

  async #made(args: string[], signal: AbortSignal, input: string): Promise<string> {
    return (await this.#git.run(args, signal, input)).trim()
  }

  async #push(refspec: string, known: string | undefined, signal: AbortSignal): Promise<void> {
    const lease = `--force-with-lease=${this.#ref}:${known ?? ''}`
    try {
      await this.#git.run(['push', '--quiet', '--no-verify', lease, 'origin', refspec], signal)
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      throw pushRefusal(this.name, error)
    }
  }
}
