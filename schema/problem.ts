/** Who can mend it: `stalled` waits for a new revision, `waiting` retries later, `transient` retries with backoff. */
export type Disposition = 'stalled' | 'waiting' | 'transient'

/**
 * An error that says what failed and what to change. Only the queue and the status writer read `disposition`.
 *
 * @example
 * throw new Problem('BranchNotFound', `${url} has no branch ${branch}`, { disposition: 'waiting', hint: 'Push it.' })
 */
export class Problem extends Error {
  override readonly name = 'Problem'
  /** CamelCase; becomes the reason of a condition. */
  readonly reason: string
  readonly disposition: Disposition
  /** What to change, in one sentence. */
  readonly hint?: string
  /** When it can be tried again, where whoever refused it said so. */
  readonly againMs?: number
  /** Tells it apart from problems of the same reason, like the name of a zone. */
  readonly subject?: string

  constructor(
    reason: string,
    message: string,
    options: {
      disposition?: Disposition
      hint?: string
      againMs?: number
      subject?: string
      cause?: unknown
    } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.reason = reason
    this.disposition = options.disposition ?? 'transient'
    if (options.hint !== undefined) this.hint = options.hint
    if (options.againMs !== undefined) this.againMs = options.againMs
    if (options.subject !== undefined) this.subject = options.subject
  }
}
