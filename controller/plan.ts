import type { CursorDocument } from '../runtime/cursor.ts'
import type { Cut } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { DeclaredNode, ObservedHost } from './orchestrator/orchestrator.ts'
import { onBrokers, planDiscards } from './plan-discards.ts'
import { planDismissals } from './plan-dismissals.ts'
import { planHosts } from './plan-hosts.ts'
import { approached, beginnings } from './repartition.ts'
import { type RunningHost, rollout } from './rollout.ts'

/** All of the world that a plan depends on; plain JSON, so that `dyninka diff` can ask for it. */
export interface Observed {
  hosts: ObservedHost[]
  /** What the broker retains, by node of the graph. */
  wirings: Record<string, Wiring>
  presences: RunningHost[]
  nodes: DeclaredNode[]
  /** Those that have too little for more, by name. */
  full?: string[]
  /** The orchestrator chooses among them itself. */
  schedules?: true
  /** By node of the graph: names of the partitions that ever got a session. From the inventory. */
  sessions: Record<string, string[]>
  /** By node of the graph, where a function without hosts went to rest: the wiring that all its sessions had in effect
   *  then, and so have now; 0 once it has got another one. From the inventory. */
  resting: Record<string, number>
  /** By node whose partitions are to end: the last cursor of each, once all have. */
  ended: Record<string, CursorDocument[]>
  /** Hosts that run, have been heard of, and went silent: something blocks them. */
  silent: string[]
  /** Hosts that the broker shows, and that are none. */
  gone?: { node: string; host: string }[]
  /** Zones with a broker that edges may go by. */
  zoneBrokers?: string[]
  /** The dataflow's broker keeps no order among topics, as far as it was tried. */
  unordered?: true
  /** By node of the graph: zones on whose broker its partitions may have sessions. From the inventory. */
  brokers?: Record<string, string[]>
}

/**
 * What to do now to come from `observed` to `desired`, in order: what is needed first comes first, and
 * nothing that works stops before what replaces it works. Steps that must wait for an effect (a host that
 * gets ready, a producer that confirms its wiring) are in the plan that is made once the effect is observed.
 * Planning again after applying gives [].
 */
export function plan(desired: Desired, observed: Observed): Change[] {
  const { flow } = desired
  const failed = failedNodes(desired, observed)
  const hosts = planHosts(desired, observed)
  const contents = approached(desired, observed)
  const wirings = rollout(contents, { ...observed, failed })
  return [
    ...hosts.filter(change => change.action !== 'stop'),
    ...Object.entries(wirings).flatMap(([node, wiring]) => publish(flow, node, wiring, observed)),
    ...hosts.filter(change => change.action === 'stop'),
    ...planDismissals(desired, observed),
    ...(observed.gone ?? []).map(({ node, host }): Change => ({ action: 'clear', flow, node, host })),
    ...planDiscards(desired, contents, observed),
  ]
}

/** What must be there before a wiring is, then the wiring. */
function publish(flow: string, node: string, wiring: Wiring, observed: Observed): Change[] {
  const { wirings, ended } = observed
  const before = wirings[node]
  const changes: Change[] = []
  if (before && wiring.next && !before.next)
    changes.push({
      action: 'repartition',
      flow,
      node,
      from: cutOf(before),
      to: wiring.next,
      round: (before.round ?? 0) + 1,
      ...(wiring.unordered && { unordered: true as const }),
      ...onBrokers(node, observed),
    })
  if (before?.last && !wiring.last && ended[node]) {
    const cursors = beginnings(flow, node, ended[node], wiring)
    changes.push({ action: 'begin', flow, node, from: cutOf(before), wiring, cursors })
  }
  return [...changes, { action: 'publish', flow, node, wiring }]
}

const cutOf = ({ partitions, key }: Cut): Cut => ({ partitions, ...(key !== undefined && { key }) })

/** Nodes that nobody should wait for. */
export function failedNodes({ unbuilt, workloads }: Desired, observed: Observed): Set<string> {
  const failed = workloads.filter(({ node }) => {
    const hosts = observed.hosts.filter(host => host.node === node && host.phase !== 'stopping')
    const newest = Math.max(...hosts.map(host => host.generation))
    const isPresent = observed.presences.some(host => host.function === node && host.generation === newest)
    return !isPresent && hosts.some(host => host.generation === newest && host.failures >= 2)
  })
  return new Set([...unbuilt, ...failed.map(({ node }) => node)])
}
