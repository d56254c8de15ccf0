import { createHash } from 'node:crypto'
import { author, type ProposalBranch } from '../source/index.ts'
import type { Forge, PullRequest } from './forge.ts'

/** A change that a person is to look at. */
export interface Proposal {
  /** Of what it changes: the same, the same change. */
  digest: string
  /** What it is worth; more than before may be worth another look. */
  worth: number
  /** What it would do, for who looks back at it. */
  moves: ProposedMove[]
  /** The branch that it is for, and its newest commit. */
  base: { branch: string; commit: string }
  /** The file that it changes, from the root of the repository, as it is and as it would be. */
  path: string
  before: string
  text: string
  title: string
  /** Markdown. */
  body: string
}

export interface ProposedMove {
  item: string
  /** Names of nodes. */
  from?: string
  to: string
}

/** How pull requests are opened. */
export interface ProposalRules {
  labels?: string[]
  /** Logins. */
  reviewers?: string[]
  isDraft?: boolean
  /** What was declined is proposed again once it is worth so much more, as a share. Default 0.5. */
  again?: number
}

/** Branches of proposals are named so, and then as the dataflow. */
export const defaultPrefix = 'dyninka/'
const defaultAgain = 0.5

export type Outcome =
  | { kind: 'opened' | 'updated' | 'unchanged' | 'withdrawn'; url: string }
  | { kind: 'nothing' }
  /** A person has the word. */
  | { kind: 'held'; reason: 'PersonOnBranch' | 'Declined' | 'Merged'; url?: string; message: string }

/** What is kept in a pull request for whoever comes next. */
interface Marker {
  v: 1
  digest: string
  worth: number
  moves: ProposedMove[]
  before: string
  /** What came of it was told. */
  told?: true
}

/** A proposal that somebody has merged, and nobody has looked back at. */
export interface Merged {
  number: number
  body: string
  /** Ms since the epoch. */
  at: number
  worth: number
  moves: ProposedMove[]
}

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
    if (open) {
      if (!proposal) return this.#withdraw(open, tip?.commit, signal)
      return this.#update(open, proposal, tip, signal)
    }
    if (!proposal) return { kind: 'nothing' }
    return (
      heldBy(all[0], proposal, this.#rules.again ?? defaultAgain) ?? this.#open(proposal, tip?.commit, signal)
    )
  }

  /** The last one, if it was merged and nobody was told what came of it. */
  async merged(signal: AbortSignal): Promise<Merged | undefined> {
    const [last] = await this.#forge.pullRequests(this.#branch.name, signal)
    const marker = last && markerIn(last.body)
    if (last?.mergedAt === undefined || !marker || marker.told) return undefined
    const { number, body, mergedAt: at } = last
    return { number, body, at, worth: marker.worth, moves: marker.moves }
  }

  /** Says what came of it, once. */
  async tell({ number, body }: Merged, comment: string, signal: AbortSignal): Promise<void> {
    await this.#forge.comment(number, comment, signal)
    const marker = { ...markerIn(body)!, told: true as const }
    await this.#forge.updatePullRequest(
      number,
      { body: body.replace(pattern, () => written(marker)) },
      signal,
    )
  }

  async #open(proposal: Proposal, known: string | undefined, signal: AbortSignal): Promise<Outcome> {
    await this.#push(proposal, known, signal)
    const { labels = [], reviewers = [], isDraft = false } = this.#rules
    const { title, base } = proposal
    const { number, url } = await this.#forge.createPullRequest(
      { branch: this.#branch.name, base: base.branch, title, body: bodyOf(proposal), isDraft },
      signal,
    )
    if (labels.length > 0) await this.#forge.addLabels(number, labels, signal)
    if (reviewers.length > 0) await this.#forge.requestReviewers(number, reviewers, signal)
    return { kind: 'opened', url }
  }

  /** The same change on the same file stays as it is, but for what is said of it. */
  async #update(
    { number, url, body, title }: PullRequest,
    proposal: Proposal,
    tip: { commit: string; parents: string[] } | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const marker = markerIn(body)
    const wanted = markerOf(proposal)
    const isPushed = tip !== undefined && marker?.digest === wanted.digest && marker.before === wanted.before
    if (!isPushed) await this.#push(proposal, tip?.commit, signal)
    const isSaid = title.endsWith(proposal.title) && marker?.worth === wanted.worth // a draft may say so first
    if (isPushed && isSaid) return { kind: 'unchanged', url }
    await this.#forge.updatePullRequest(number, { title: proposal.title, body: bodyOf(proposal) }, signal)
    return { kind: 'updated', url }
  }

  async #withdraw(
    { number, url }: PullRequest,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<Outcome> {
    await this.#forge.comment(number, 'What was measured since no longer speaks for this: closed.', signal)
    await this.#forge.updatePullRequest(number, { state: 'closed' }, signal)
    if (known !== undefined) await this.#branch.remove(known, signal)
    return { kind: 'withdrawn', url }
  }

  async #push(
    { base, path, text, title }: Proposal,
    known: string | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#branch.propose({ base: base.commit, path, text, message: `${title}\n` }, known, signal)
  }
}

/** A person has closed the last one: it was declined, or merged and has not arrived yet. */
function heldBy(last: PullRequest | undefined, proposal: Proposal, again: number): Outcome | undefined {
  const marker = last && markerIn(last.body)
  if (!last || !marker || marker.digest !== proposal.digest) return undefined
  const { url } = last
  if (last.state === 'merged') {
    if (marker.before !== markerOf(proposal).before) return undefined
    return { kind: 'held', reason: 'Merged', url, message: 'it is merged, and not followed yet' }
  }
  if (proposal.worth > marker.worth * (1 + again)) return undefined
  return {
    kind: 'held',
    reason: 'Declined',
    url,
    message: 'somebody has closed it, and it is worth no more now',
  }
}

const bodyOf = (proposal: Proposal) => `${proposal.body}\n${written(markerOf(proposal))}\n`

const pattern = /^<!-- dyninka (\{.*\}) -->\s*$/m
const written = (marker: Marker) => `<!-- dyninka ${JSON.stringify(marker)} -->`

const markerOf = ({ digest, worth, moves, before }: Proposal): Marker => ({
  v: 1,
  digest,
  moves,
  worth: Number(worth.toPrecision(2)), // not every breath is news
  before: createHash('sha256').update(before).digest('hex').slice(0, 16),
})

function markerIn(body: string): Marker | undefined {
  const [, json] = pattern.exec(body) ?? []
  try {
    const marker = JSON.parse(json ?? 'null') as Marker | null
    return marker?.v === 1 ? marker : undefined
  } catch {
    return undefined
  }
}
