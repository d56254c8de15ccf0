import { Problem } from '../../schema/problem.ts'
import { type Attached, author, type BranchTip, type ProposalBranch } from '../source/index.ts'
import type { Forge, PullRequest } from './forge.ts'
import { type Marker, marked, markerIn, markerOf, remarked } from './marker.ts'
import { commitMessage, type Merged, type Outcome, type Proposal, type ProposalRules } from './proposal.ts'

const defaultAgain = 0.5
/** Of telemetry, which is a fraction of that in Git. */
const maxAttached = 32 * 1024 * 1024

/** Keeps one pull request for one branch. It is level-triggered: what is there is read each time. */
export class Proposals {
  #forge: Forge
  #branch: ProposalBranch
  #rules: ProposalRules

  constructor(forge: Forge, branch: ProposalBranch, rules: ProposalRules) {
    this.#forge = forge
    this.#branch = branch
    this.#rules = rules
  }

  /** @param proposal undefined when there is nothing to propose any more @throws Problem */
  async keep(proposal: Proposal | undefined, signal: AbortSignal): Promise<Outcome> {
    const all = await this.#forge.pullRequests(this.#branch.name, signal)
    const tip = await this.#branch.tip(signal)
    const open = all.find(({ state }) => state === 'open')
    if (tip && tip.committer !== author.email) {
      const message = `somebody has committed to ${this.#branch.name}: it is theirs now`
      return { kind: 'held', reason: 'PersonOnBranch', message, ...(open && { url: open.url }) }
    }
    const isDecided = proposal !== undefined && proposal.text === proposal.before
    if (open) {
      if (!proposal || isDecided) return this.#withdraw(open, tip?.commit, isDecided, signal)
      return this.#update(open, proposal, tip, signal)
    }
    if (!proposal) return { kind: 'nothing' }
    if (isDecided)
      return {
        kind: 'held',
        reason: 'AlreadyDecided',
        message: 'the file decides so already, and it is not there yet',
      }
    const again = this.#rules.again ?? defaultAgain
    return heldBy(all, proposal, again) ?? this.#open(proposal, tip?.commit, signal)
  }

  /** The last one that was merged, if nobody was told what came of it. */
  async merged(signal: AbortSignal): Promise<Merged | undefined> {
    const last = newestMerged(await this.#forge.pullRequests(this.#branch.name, signal))
    const marker = last && markerIn(last.body)
    if (!last || !marker || marker.told) return undefined
    const { number, body, mergedAt: at = 0 } = last
    return { number, body, at, worth: marker.worth, moves: marker.moves }
  }

  /** Says what came of it, once. */
  async tell({ number, body }: Merged, comment: string, signal: AbortSignal): Promise<void> {
    await this.#forge.comment(number, comment, signal)
    const marker = { ...markerIn(body)!, told: true as const }
    await this.#forge.updatePullRequest(number, { body: remarked(body, marker) }, signal)
  }

  /** Removes telemetry that nobody looks at any more: of what is closed, and of what was merged and told. */
  async tidy(signal: AbortSignal): Promise<void> {
    const all = await this.#forge.pullRequests(this.#branch.name, signal)
    const last = newestMerged(all)
    const needed = all.filter(each => each.state === 'open' || (each === last && !markerIn(each.body)?.told))
    const refs = needed.flatMap(({ body }) => markerIn(body)?.telemetry ?? [])
    await this.#branch.attachments.keepOnly(refs, signal)
  }

  async #open(proposal: Proposal, known: string | undefined, signal: AbortSignal): Promise<Outcome> {
    await this.#push(proposal, known, signal)
    const attached = await this.#attach(proposal, signal)
    const { labels = [], reviewers = [], isDraft = false } = this.#rules
    const { title, base } = proposal
    const isBare = labels.length > 0 || reviewers.length > 0
    const marker: Marker = { ...markerWith(proposal, attached), ...(isBare && { bare: true }) }
    const body = this.#bodyOf(proposal, attached, marker)
    const { number, url } = await this.#forge.createPullRequest(
      { branch: this.#branch.name, base: base.branch, title, body, isDraft },
      signal,
    )
    const lacks = await this.#dress(number, body, signal)
    return { kind: 'opened', url, ...withProblem(lacks ?? attached) }
  }

  /** The same change on the same file stays as it is, but for what is said of it. */
  async #update(
    { number, url, body, title }: PullRequest,
    proposal: Proposal,
    tip: BranchTip | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const known = markerIn(body)
    const wanted = markerOf(proposal)
    const isPushed = tip !== undefined && known?.digest === wanted.digest && known.before === wanted.before
    if (!isPushed) await this.#push(proposal, tip?.commit, signal)
    const isSaid = title.endsWith(proposal.title) && known?.worth === wanted.worth // a draft may say so first
    if (isPushed && isSaid) {
      const lacks = await this.#dress(number, body, signal)
      return { kind: 'unchanged', url, ...withProblem(lacks) }
    }
    const attached = await this.#attach(proposal, signal)
    const marker: Marker = { ...markerWith(proposal, attached), ...(known?.bare && { bare: true }) }
    const said = this.#bodyOf(proposal, attached, marker)
    const draft = /^(WIP: )?/.exec(title)![0] // as Gitea knows one
    await this.#forge.updatePullRequest(number, { title: draft + proposal.title, body: said }, signal)
    const lacks = await this.#dress(number, said, signal)
    return { kind: 'updated', url, ...withProblem(lacks ?? attached) }
  }

  /** Gives it labels and reviewers, unless it has had them: who takes one away has said so.
   *  @returns what keeps it from having them, as long as it is not the forge that is away */
  async #dress(number: number, body: string, signal: AbortSignal): Promise<Problem | undefined> {
    const marker = markerIn(body)
    if (!marker?.bare) return undefined
    const { labels = [], reviewers = [] } = this.#rules
    try {
      if (labels.length > 0) await this.#forge.addLabels(number, labels, signal)
      if (reviewers.length > 0) await this.#forge.requestReviewers(number, reviewers, signal)
    } catch (error) {
      return refused(error)
    }
    const { bare: _, ...dressed } = marker
    await this.#forge.updatePullRequest(number, { body: remarked(body, dressed) }, signal)
    return undefined
  }

  async #withdraw(
    { number, url, body }: PullRequest,
    known: string | undefined,
    isDecided: boolean,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const why = isDecided
      ? 'The file decides so already'
      : 'What was measured since no longer speaks for this'
    await this.#forge.comment(number, `${why}: closed.`, signal)
    const marker = markerIn(body)
    const said = marker && { body: remarked(body, { ...marker, withdrawn: true }) }
    await this.#forge.updatePullRequest(number, { ...said, state: 'closed' }, signal)
    if (known !== undefined) await this.#branch.remove(known, signal)
    return { kind: 'withdrawn', url }
  }

  /** A proposal without its telemetry is better than none. */
  async #attach({ telemetry }: Proposal, signal: AbortSignal): Promise<Attached | Problem | undefined> {
    if (!telemetry) return undefined
    const { name, text } = telemetry
    if (text.length > maxAttached)
      return new Problem('TelemetryTooLarge', `${name} has more than 32 MiB: it is not attached`)
    try {
      return await this.#branch.attachments.attach(name, text, signal)
    } catch (error) {
      return refused(error)
    }
  }

  #bodyOf({ body, telemetry }: Proposal, attached: Attached | Problem | undefined, marker: Marker): string {
    if (!telemetry || !attached || attached instanceof Problem) return marked(body, marker)
    const { name } = telemetry
    const { ref, commit } = attached
    const told = [
      `The file is [${name}](${this.#forge.fileUrl(commit, name)}); Git has it until this is closed, or was told what came of it:`,
      '',
      '```sh',
      `git fetch origin ${ref}`,
      `git show FETCH_HEAD:${name} > ${name}`,
      '```',
      '',
    ]
    return marked(`${body}\n${told.join('\n')}`, marker)
  }

  async #push(proposal: Proposal, known: string | undefined, signal: AbortSignal): Promise<void> {
    const { base, path, text } = proposal
    const message = commitMessage(proposal, this.#rules)
    await this.#branch.propose({ base: base.commit, path, text, message }, known, signal)
  }
}

const markerWith = (proposal: Proposal, attached: Attached | Problem | undefined): Marker => ({
  ...markerOf(proposal),
  ...(attached && !(attached instanceof Problem) && { telemetry: attached.ref }),
})

const withProblem = (lacks: Attached | Problem | undefined) => (lacks instanceof Problem ? { lacks } : {})

/** @throws what may be gone the next time */
function refused(error: unknown): Problem {
  const reasons = ['ForgeRefused', 'ForgePermissionMissing', 'ForgeRepositoryNotFound', 'BranchRefused']
  if (error instanceof Problem && reasons.includes(error.reason)) return error
  throw error
}

const newestMerged = (all: readonly PullRequest[]) => all.find(({ mergedAt }) => mergedAt !== undefined)

/** The same was merged and has not arrived yet, or a person has declined it: since the last merge, any time counts.
 *  @param all the newest first */
function heldBy(all: readonly PullRequest[], proposal: Proposal, again: number): Outcome | undefined {
  const wanted = markerOf(proposal)
  for (const { state, url, body } of all) {
    const marker = markerIn(body)
    const isSame = marker?.digest === wanted.digest
    if (state === 'merged') {
      if (!isSame || marker.before !== wanted.before) return undefined
      return { kind: 'held', reason: 'Merged', url, message: 'it is merged, and not followed yet' }
    }
    if (!isSame || marker.withdrawn) continue
    if (proposal.worth > marker.worth * (1 + again)) return undefined
    return {
      kind: 'held',
      reason: 'Declined',
      url,
      message: 'somebody has closed it, and it is worth no more now',
    }
  }
  return undefined
}
