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

/** The place where people look at a repository and talk about it. Every method throws a Problem. */
export interface Forge {
  /** The newest of a context. */
  commitStatus(commit: string, context: string, signal: AbortSignal): Promise<CommitStatus | undefined>
  setCommitStatus(commit: string, status: CommitStatus, signal: AbortSignal): Promise<void>
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
}
