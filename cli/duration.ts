import { InvalidArgumentError } from 'commander'
import { durationMs } from '../schema/duration.ts'

/** Milliseconds, for an option. */
export function duration(text: string): number {
  try {
    return durationMs(text)
  } catch {
    throw new InvalidArgumentError('It takes a duration such as 500ms, 30s or 5m.')
  }
}

/** Milliseconds of a window of telemetry: hosts measure round trips once a second. */
export function window(text: string): number {
  const ms = duration(text)
  if (ms >= 1_000 && ms <= 60_000) return ms
  throw new InvalidArgumentError('It takes 1s to 60s.')
}

/** Milliseconds between two looks at a repository: often enough is never below a second. */
export function interval(text: string): number {
  const ms = duration(text)
  if (ms < 1_000)
    throw new InvalidArgumentError('It takes at least 1s; a webhook or a local repository needs no polling.')
  return ms
}
