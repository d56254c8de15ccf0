/** The right to change anything, for as long as it lasts. */
export interface Tenure {
  /** Aborts once it has ended. */
  signal: AbortSignal
  /** Asked before each change: a process that was stopped for a while goes on where it was, before any timer that would
   *  have told it. @throws when it has ended */
  check(): void
}
