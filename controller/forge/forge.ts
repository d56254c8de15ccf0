export type CommitState = 'pending' | 'success' | 'failure' | 'error'

/** What a forge shows beside a commit. */
export interface CommitStatus {
  /** Whose it is, like `dyninka/room-climate`: of each, the newest counts. */
  context: string
  state: CommitState
  /** One line; `maxDescription` characters at most. */
  description: string
  /** Where a person reads more. */
  url?: string
}

/** As many as GitHub takes. */
export const maxDescription = 140

export interface PullRequest {
  number: number
  /** For people. */
  url: string
  state: 'open' | 'merged' | 'closed'
  /** Ms since the epoch. */
  mergedAt?: number
  title: string
  body: string
}

export interface NewPullRequest {
  /** Both in the one repository. */
  branch: string
  base: string
  title: string
  /** Markdown. */
  body: string
  isDraft: boolean
}

/** The place where people look at a repository and talk about it. Every method throws a Problem. */
export interface Forge {
  /** The newest of a context. */
  commitStatus(commit: string, context: string, signal: AbortSignal): Promise<CommitStatus | undefined>
  setCommitStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void>
  /** Those of a branch, whatever became of them, the newest first. */
  pullRequests(branch: string, signal: AbortSignal): Promise<PullRequest[]>
  createPullRequest(request: NewPullRequest, signal: AbortSignal): Promise<PullRequest>
  updatePullRequest(
    number: number,
    change: { title?: string; body?: string; state?: 'closed' },
    signal: AbortSignal,
  ): Promise<void>
  comment(number: number, body: string, signal: AbortSignal): Promise<void>
  addLabels(number: number, labels: string[], signal: AbortSignal): Promise<void>
  requestReviewers(number: number, reviewers: string[], signal: AbortSignal): Promise<void>
  /** The page of a file as of a commit. @param path from the root of the repository */
  fileUrl(commit: string, path: string, line?: number): string
}

export interface ForgeOptions {
  /** Which API it speaks. Forgejo speaks that of Gitea. */
  type: 'github' | 'gitea'
  /** Base URL of the API. Default: that of the repository's host. */
  url?: string
  /** A token, or what a GitHub App proves itself with. */
  auth: { token: string } | { appId: string; privateKey: string }
  /** How long one request may take. Default 20 s. */
  timeoutMs?: number
}
