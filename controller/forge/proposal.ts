import type { Problem } from '../../schema/problem.ts'

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
  /** What it follows from: a file, and what is in it. */
  telemetry?: { name: string; text: string }
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
  /** Of the commit: `{title}` and `{moves}` stand for what they say. Default `{title}`. */
  commitMessage?: string
  /** What was declined is proposed again once it is worth so much more, as a share. Default 0.5. */
  again?: number
}

/** Branches of proposals are named so, and then as the dataflow. */
export const defaultPrefix = 'dyninka/'

export type Outcome =
  | {
      kind: 'opened' | 'updated' | 'unchanged'
      url: string
      /** What it could not be given: labels, reviewers, telemetry. */
      lacks?: Problem
    }
  | { kind: 'withdrawn'; url: string }
  | { kind: 'nothing' }
  /** A person has the word. */
  | {
      kind: 'held'
      reason: 'PersonOnBranch' | 'Declined' | 'Merged' | 'AlreadyDecided'
      url?: string
      message: string
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

export function commitMessage(
  { title, moves }: Proposal,
  { commitMessage = '{title}' }: ProposalRules,
): string {
  const said = moves.map(({ item, to }) => `${item} to ${to}`).join(', ')
  return `${commitMessage
    .replaceAll('{title}', () => title)
    .replaceAll('{moves}', () => said)
    .trimEnd()}\n`
}
