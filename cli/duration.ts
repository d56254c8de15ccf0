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
