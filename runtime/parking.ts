import type { Retry } from '../schema/flow.ts'
import type { RecordInfo } from './context.ts'

/** A record that waits in its key's state for an attempt: under `retry.order: relaxed`, records of other keys pass. */
export interface Parked {
  info: RecordInfo
  value: unknown
  /** Failed ones. */
  attempts: number
}

/** What waits of one key, in order. The first has failed, and the others came behind it. */
export interface Parking {
  /** When the first is to be tried, ms since the epoch: tells one attempt from another. */
  at: number
  records: Parked[]
}

/** JSON of all that waits of one key, in characters. */
const maxSize = 256 * 1024
const maxBackoffMs = 30_000

/** @param attempts failed ones. @returns ms to wait before the next */
export const backoffMs = ({ backoffMs }: Retry, attempts: number) =>
  Math.min(maxBackoffMs, backoffMs * 2 ** (attempts - 1)) * (0.75 + Math.random() / 2)

/** @returns undefined when there is no room */
export function behind(parking: Parking | undefined, record: Parked, at: number): Parking | undefined {
  const next = { at: parking?.at ?? at, records: [...(parking?.records ?? []), record] }
  return JSON.stringify(next).length > maxSize ? undefined : next
}

/** The first is done. */
export function rest({ at, records }: Parking, now: number): Parking | undefined {
  return records.length === 1 ? undefined : { at: Math.max(now, at + 1), records: records.slice(1) }
}

/** The first has failed once more. */
export function again({ at, records }: Parking, next: number): Parking {
  const [first, ...others] = records
  return { at: Math.max(next, at + 1), records: [{ ...first!, attempts: first!.attempts + 1 }, ...others] }
}
