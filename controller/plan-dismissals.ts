import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { ObservedHost } from './orchestrator/orchestrator.ts'
import type { Observed } from './plan.ts'

/** Hosts that nobody can end where they run, but that still work: they are asked to leave over the broker, once another
 *  one of their node of the graph is there, or none is wanted. Asked again until they are gone. */
export function planDismissals({ flow, workloads }: Desired, { hosts, presences }: Observed): Change[] {
  const isPresent = ({ id }: ObservedHost) => presences.some(({ host }) => host === id)
  const isNeeded = (host: ObservedHost) => {
    const isWanted = workloads.some(({ node, replicas }) => node === host.node && replicas > 0)
    return isWanted && !hosts.some(other => replaces(other, host) && isPresent(other))
  }
  return hosts
    .filter(host => host.overdue && isPresent(host) && !isNeeded(host))
    .map(({ node, id }) => ({ action: 'dismiss', flow, node, host: id }))
}

const replaces = (other: ObservedHost, host: ObservedHost) =>
  other.node === host.node && other.generation >= host.generation && other.phase !== 'stopping'
