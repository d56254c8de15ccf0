import type { DataflowResource } from '../../controller/cluster/resource.ts'
import type { Condition, Dataflow } from '../api/status.ts'

/** What the resource itself says of a Dataflow: all but hosts and counts, as the controller wrote it last. Pure. */
export function lastTold({ metadata, spec, status = {} }: DataflowResource): Dataflow {
  const { conditions = [], functions = [], history, revision = '', dataflow } = status
  return {
    name: dataflow ?? metadata.name,
    resource: metadata.name,
    namespace: metadata.namespace!,
    revision,
    folder: spec.source.path ?? '',
    ...(spec.suspend && { suspended: true as const }),
    findings: [],
    conditions:
      conditions.length === 0
        ? [notTaken(metadata.creationTimestamp ?? new Date().toISOString())]
        : conditions.map(({ type, status, reason, message, lastTransitionTime }) => ({
            ...{ type: type as Condition['type'], status, reason, message },
            at: lastTransitionTime,
          })),
    functions: functions.map(({ name, kind, phase, hosts, artifact = '', message }) => ({
      ...{ name, kind, artifact, phase },
      ...(message !== undefined && { message }),
      hostCount: hosts,
    })),
    ...(history && {
      history: history.map(({ built: _, applied: __, message = '', ...entry }) => ({ ...entry, message })),
    }),
  }
}

const notTaken = (at: string): Condition => ({
  type: 'Ready',
  status: 'Unknown',
  reason: 'NotTakenUp',
  message: 'no controller has taken it up yet: is one running that looks at this namespace?',
  at,
})
