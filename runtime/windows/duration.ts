import { durationMs } from '../../schema/duration.ts'

/** `200ms`, `10s`, `1.5m`, `2h`, as in `dataflow.yaml`; or milliseconds. */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h'}`

/** Milliseconds of an option. @throws TypeError that names the option, so that the function fails where it loads */
export function msOf(option: string, duration: Duration): number {
  if (typeof duration === 'number' && Number.isFinite(duration) && duration >= 0) return duration
  try {
    return durationMs(String(duration))
  } catch {
    throw new TypeError(`${option}: ${duration} is not a duration; write 200ms, 10s, 5m, 2h or milliseconds`)
  }
}

/** The same, of an option that can't be zero. */
export function lengthOf(option: string, duration: Duration): number {
  const ms = msOf(option, duration)
  if (ms === 0) throw new TypeError(`${option} must be longer than 0`)
  return ms
}
