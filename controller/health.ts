import type { Wiring } from '../schema/wiring.ts'
import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import { failureOf } from './failure-of.ts'
import type { ObservedHost, Workload } from './orchestrator/orchestrator.ts'
import type { Pin } from './pins.ts'
import { mayRunOn } from './place.ts'
import type { Observed } from './plan.ts'
import { generationOf, isReady } from './plan-hosts.ts'
import { repartitionOf } from './repartition.ts'
import { isInEffect } from './rollout.ts'

export type Phase = 'Waiting' | 'Building' | 'Starting' | 'Running' | 'Idle' | 'Failed' | 'Stopping'

export interface NodeHealth {
  phase: Phase
  message?: string
  /** It was at rest and comes back: nothing is wrong. */
  waking?: true
  /** It stays what it was before a revision that is not tried any more. */
  pinned?: true
}

export interface Health {
  /** By node of the graph, those that are on their way out included. */
  nodes: Record<string, NodeHealth>
  /** All runs as wanted, and all is wired. */
  ready: boolean
}

/** How far `observed` is from `desired`, node by node. Pure. @param buildFailures message by function
 *  @param before what was told last: partitions on their way from one host to another are no trouble */
export function health(
  desired: Desired,
  observed: Observed,
  changes: Change[],
  buildFailures: Record<string, string> = {},
  before?: Health,
): Health {
  const nodes: Record<string, NodeHealth> = {}
  const byNode = Map.groupBy(observed.hosts, host => host.node)
  for (const node of desired.unbuilt)
    nodes[node] = { phase: 'Failed', message: buildFailures[node] ?? 'it was never built' }
  for (const workload of desired.workloads) {
    nodes[workload.node] = healthOf(
      workload,
      byNode.get(workload.node) ?? [],
      observed,
      before?.nodes[workload.node],
    )
    const change = repartitionOf(workload.node, desired, observed)
    if (change !== undefined && nodes[workload.node]!.phase !== 'Failed') {
      const { message } = nodes[workload.node]!
      nodes[workload.node] = {
        phase: 'Waiting',
        message: message === undefined ? change : `${change}; ${message}`,
      }
    }
    const pin = desired.pins?.[workload.node]
    if (pin) nodes[workload.node] = pinned(pin, nodes[workload.node]!)
    const failure = buildFailures[workload.node]
    if (failure !== undefined)
      nodes[workload.node] = { phase: 'Failed', message: `${failure}\nThe last good build keeps running.` }
  }
  const isPart = (name: string) => name in desired.contents
  for (const name of byNode.keys()) if (!isPart(name)) nodes[name] = { phase: 'Stopping' }
  const running = Object.values(nodes).every(
    ({ phase, waking }) => phase === 'Running' || phase === 'Idle' || waking,
  )
  const settled = changes.every(change => isScaling(change, desired, observed))
  return { nodes, ready: running && settled && isWiredInFull(desired, observed) }
}

function healthOf(
  workload: Workload,
  hosts: ObservedHost[],
  observed: Observed,
  before?: NodeHealth,
): NodeHealth {
  const { node } = workload
  const generation = generationOf(workload, hosts, observed)
  const current = hosts.filter(host => host.generation === generation)
  const wiring = observed.wirings[node]
  const trouble = observed.presences.find(host => host.function === node && host.trouble)?.trouble
  const works = wiring && isReady(node, generation, observed) && isInEffect(node, wiring, observed)
  if (works || (wiring && before?.phase === 'Running' && isSharingAnew(node, wiring, hosts, observed))) {
    return { phase: 'Running', ...(trouble && { message: trouble }) }
  }
  if (workload.replicas === 0 && wiring && observed.resting[node] === wiring.revision)
    return { phase: 'Idle' }
  if (current.length === 0 && !observed.nodes.some(place => mayRunOn(workload, place))) {
    return { phase: 'Failed', message: 'no node satisfies its placement' }
  }
  const failing = current.find(host => host.failures > 0 && (host.phase === 'backoff' || host.failures > 1))
  const rest = hosts.length > current.length ? '\nThe generation before it keeps working.' : ''
  if (failing && failing.obstacle === undefined)
    return { phase: 'Failed', message: `${failureOf(failing)}${rest}` }
  const stuck = current.find(host => host.obstacle !== undefined)
  if (stuck) {
    return { phase: stuck.failures > 1 ? 'Failed' : 'Waiting', message: `${stuck.obstacle}${rest}` }
  }
  const waking = wiring !== undefined && observed.resting[node] === wiring.revision
  return {
    phase: current.length === 0 ? 'Waiting' : 'Starting',
    ...(trouble && { message: trouble }),
    ...(waking && { waking }),
  }
}

/** Whether a change is only for the load: a host more or fewer of what runs already, or rests. */
function isScaling(change: Change, { contents }: Desired, { hosts, wirings, resting }: Observed): boolean {
  if (change.action !== 'start' && change.action !== 'stop') return false
  const { generation } = change.action === 'start' ? change.spec : change
  const node = change.action === 'start' ? change.spec.workload.node : change.node
  if (!(node in contents)) return false
  const own = hosts.filter(host => host.node === node)
  if (own.length > 0) return generation === Math.max(...own.map(host => host.generation))
  return wirings[node] !== undefined && resting[node] === wirings[node].revision
}

/** Hosts of one generation, all well, that came or went: the others take partitions over, or hand them over. */
function isSharingAnew(
  node: string,
  wiring: Wiring,
  hosts: ObservedHost[],
  { presences }: Observed,
): boolean {
  const isWell = hosts.every(host => host.generation === hosts[0]!.generation && host.failures === 0)
  const working = presences.filter(host => host.function === node && host.partitions.length > 0)
  const isNewest = working.every(host => host.wiring === 0 || host.wiring >= wiring.revision)
  return isWell && working.length > 0 && isNewest
}

/** What a person reads of a function that stays what it was. */
function pinned({ revision, why }: Pin, own: NodeHealth): NodeHealth {
  const short = revision.replace(/(@sha\d+:\w{7})\w+/, '$1')
  const what = `pinned to what ran before ${short}, until a commit changes it: mend it and push.`
  const trouble =
    own.phase === 'Failed' && own.message !== undefined ? `\nWhat ran before: ${own.message}` : ''
  return { phase: 'Failed', message: `${what} What did not start: ${why}${trouble}`, pinned: true }
}

function isWiredInFull({ contents }: Desired, { wirings }: Observed): boolean {
  return Object.entries(contents).every(([node, content]) => {
    const wiring = wirings[node]
    if (!wiring || wiring.next || wiring.inputs.length !== content.inputs.length) return false
    return Object.entries(content.outputs).every(
      ([output, streams]) => wiring.outputs[output]?.length === streams.length,
    )
  })
}
