import { durationMs } from '../../schema/duration.ts'
import { type Onlooker, type OnlookerOptions, onlookers } from '../onlookers.ts'
import type { Proposing } from '../options.ts'
import type { DataflowResource, DataflowSpec } from './resource.ts'

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

/** Those that speak to the forge of a Dataflow, as an option of its reconciler; none where it names no forge.
 *  @param auth what the Secret of the forge holds */
export const forgeOnlookers = (
  { spec, metadata }: DataflowResource,
  auth: OnlookerOptions['forge']['auth'] | undefined,
  options: Omit<OnlookerOptions, 'repository' | 'forge' | 'proposing' | 'namespace'>,
): { onlookers?: Onlooker[] } =>
  spec.forge && auth
    ? {
        onlookers: onlookers({
          ...options,
          repository: spec.source.url,
          forge: { ...spec.forge, auth },
          ...(spec.forge.pullRequests && { proposing: proposingOf(spec.forge.pullRequests) }),
          ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
        }),
      }
    : {}
