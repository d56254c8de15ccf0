/** A record that could not be handled, with why: retained at `topics.dead`. */
export interface DeadLetter {
  v: 1
  /** Counts the letters of this partition; the newest `deadLetterSlots` are kept. */
  n: number
  at: string
  function: string
  partition: number
  reason: string
  message: string
  /** Names the user's file and line. */
  stack?: string
  attempts: number
  record: {
    /** The id with which it first entered this function. */
    id: string
    key?: string
    time: number
    source: string
    value: unknown
    topic?: string
    from?: string
    /** It was no record but a timer, set to the instant `time`. */
    timer?: true
  }
  /** Given when it is to be handled again: tells this attempt from others. */
  replay?: string
}

/** Letters kept for each partition: a newer one takes the place of the oldest. */
export const deadLetterSlots = 100

/** Why a record cannot be handled, when a new attempt would not help. */
export class HandlingError extends Error {
  reason: string
  constructor(reason: string, message: string) {
    super(message)
    this.reason = reason
  }
}

/** @throws when the payload is no dead letter, as a foreign client might send */
export function parseLetter(payload: Buffer): DeadLetter {
  const letter = JSON.parse(payload.toString()) as DeadLetter
  const { time, key, id, topic } = letter?.record ?? {}
  const isText = (field: unknown) => field === undefined || typeof field === 'string'
  if (letter?.v !== 1 || !Number.isFinite(time) || typeof id !== 'string' || !isText(key) || !isText(topic))
    throw new Error('not a dead letter of version 1')
  return letter
}

export type Failure = { reason: string; message: string; stack?: string; attempts: number }
