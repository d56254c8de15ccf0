import type { ProposalBranch } from './proposal-branch.ts'

/** Where revisions come from. */
export interface Source {
  /** The newest revision, with its files. @throws Problem when it can't be had now */
  fetch(signal: AbortSignal): Promise<Revision>
  /** A branch for a change that a person is to look at. Absent where there is no remote. */
  proposalBranch?(name: string): ProposalBranch
  close(): Promise<void>
}

export interface Revision {
  /** `branch@sha1:…` */
  id: string
  commit: string
  branch: string
  /** Absolute folder, read-only by convention, valid until the next two fetches. */
  tree: string
  message: string
  author: string
  at: string
}
