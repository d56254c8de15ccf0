import { createHash } from 'node:crypto'
import { type Git, GitFailure } from './git.ts'
import { commitTree } from './made-objects.ts'
import { pushRefusal } from './push-refusal.ts'
import { parseRefs } from './remote.ts'

/** A file of the remote that is on no branch. */
export interface Attached {
  /** What is fetched to have it. */
  ref: string
  commit: string
}

/** Files that belong to a pull request and not to the repository: each is a commit of its own, without parents, under a name
 *  that no clone fetches by itself. */
export class Attachments {
  #git: Git
  #prefix: string

  /** @param of the branch of the pull request */
  constructor(git: Git, of: string) {
    this.#git = git
    this.#prefix = `refs/dyninka/telemetry/${of}/`
  }

  /** The same text, the same name. @param name without folders @throws Problem when the remote refuses it */
  async attach(name: string, text: string, signal: AbortSignal): Promise<Attached> {
    const ref = this.#prefix + createHash('sha256').update(text).digest('hex').slice(0, 16)
    const blob = await this.#git.run(['hash-object', '-w', '--stdin'], signal, text)
    const tree = await this.#git.run(['mktree', '-z'], signal, `100644 blob ${blob.trim()}\t${name}\0`)
    const commit = await commitTree(this.#git, tree.trim(), [], `${name}\n`, signal)
    await this.#push([`+${commit}:${ref}`], signal)
    return { ref, commit }
  }

  /** Removes all but these. @returns those that went */
  async keepOnly(refs: readonly string[], signal: AbortSignal): Promise<string[]> {
    const found = parseRefs(await this.#git.run(['ls-remote', 'origin', `${this.#prefix}*`], signal)).refs
    const others = [...found.keys()].filter(ref => ref.startsWith(this.#prefix) && !refs.includes(ref))
    if (others.length > 0)
      await this.#push(
        others.map(ref => `:${ref}`),
        signal,
      )
    return others
  }

  async #push(refspecs: string[], signal: AbortSignal): Promise<void> {
    try {
      await this.#git.run(['push', '--quiet', '--no-verify', 'origin', ...refspecs], signal)
    } catch (error) {
      if (!(error instanceof GitFailure)) throw error
      throw pushRefusal(this.#prefix.slice(0, -1), error)
    }
  }
}
