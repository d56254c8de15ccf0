import { durationMs } from '../../schema/duration.ts'
import type { Proposing } from '../options.ts'
import type { DataflowSpec } from './resource.ts'

type Wanted = NonNullable<NonNullable<DataflowSpec['forge']>['pullRequests']>

/** How pull requests are opened, as a Dataflow says it. */
export function proposingOf({
  every,
  settle,
  cooldown,
  horizon,
  holding,
  threshold,
  ...rest
}: Wanted): Proposing {
  return {
    ...rest,
    ...(every !== undefined && { everyMs: durationMs(every) }),
    ...(settle !== undefined && { settlingMs: durationMs(settle) }),
    ...(horizon !== undefined && { horizonHours: durationMs(horizon) / 3_600_000 }),
    rules: {
      ...(holding !== undefined && { windows: holding }),
      ...(threshold !== undefined && { threshold: threshold / 100 }),
      ...(cooldown !== undefined && { cooldownMs: durationMs(cooldown) }),
    },
  }
}
