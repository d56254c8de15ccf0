import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { ObservedHost, Workload } from './orchestrator/orchestrator.ts'
import { mayRunOn } from './place.ts'
import type { Observed } from './plan.ts'
import { generationOf, isReady } from './plan-hosts.ts'
import { isInEffect } from './rollout.ts'

export type Phase = 'Waiting' | 'Building' | 'Starting' | 'Running' | 'Failed' | 'Stopping'

export interface NodeHealth {
  phase: Phase
  message?: string
}

export interface Health {
  /** By node of the graph, those that are on their way out included. */
  nodes: Record<string, NodeHealth>
  /** All runs as wanted, and all is wired. */
  ready: boolean
}

/** How far `observed` is from `desired`, node by node. Pure. @param buildFailures message by function */
export function health(
  desired: Desired,
  observed: Observed,
  changes: Change[],
  buildFailures: Record<string, string> = {},
): Health {
  const nodes: Record<string, NodeHealth> = {}
  const byNode = Map.groupBy(observed.hosts, host => host.node)
  for (const node of desired.unbuilt)
    nodes[node] = { phase: 'Failed', message: buildFailures[node] ?? 'it was never built' }
  for (const workload of desired.workloads) {
    nodes[workload.node] = healthOf(workload, byNode.get(workload.node) ?? [], observed)
    const failure = buildFailures[workload.node]
    if (failure !== undefined)
      nodes[workload.node] = { phase: 'Failed', message: `${failure}\nThe last good build keeps running.` }
  }
  const isPart = (name: string) => name in desired.contents
  for (const name of byNode.keys()) if (!isPart(name)) nodes[name] = { phase: 'Stopping' }
  const running = Object.values(nodes).every(({ phase }) => phase === 'Running')
  return { nodes, ready: running && changes.length === 0 && isWiredInFull(desired, observed) }
}

function healthOf(workload: Workload, hosts: ObservedHost[], observed: Observed): NodeHealth {
  const { node } = workload
  const generation = generationOf(workload, hosts, observed.nodes)
  const current = hosts.filter(host => host.generation === generation)
  const wiring = observed.wirings[node]
  const trouble = observed.presences.find(host => host.function === node && host.trouble)?.trouble
  if (isReady(node, generation, observed) && wiring && isInEffect(node, wiring, observed)) {
    return { phase: 'Running', ...(trouble && { message: trouble }) }
  }
  if (current.length === 0 && !observed.nodes.some(place => mayRunOn(workload, place))) {
    return { phase: 'Failed', message: 'no node satisfies its placement' }
  }
  const failing = current.find(host => host.failures > 0 && (host.phase === 'backoff' || host.failures > 1))
  if (failing) return { phase: 'Failed', message: failureOf(failing, hosts.length > current.length) }
  return { phase: current.length === 0 ? 'Waiting' : 'Starting', ...(trouble && { message: trouble }) }
}

function failureOf({ lastExit, failures }: ObservedHost, olderWorks: boolean): string {
  const log = lastExit?.log.slice(-5).join('\n') ?? ''
  const times = failures === 1 ? 'ended' : `ended ${failures} times`
  const rest = olderWorks ? '\nThe generation before it keeps working.' : ''
  return `its host ${times}: ${lastExit?.reason ?? 'for an unknown reason'}${log && `\n${log}`}${rest}`
}

function isWiredInFull({ contents }: Desired, { wirings }: Observed): boolean {
  return Object.entries(contents).every(([node, content]) => {
    const wiring = wirings[node]
    if (!wiring || wiring.inputs.length !== content.inputs.length) return false
    return Object.entries(content.outputs).every(
      ([output, streams]) => wiring.outputs[output]?.length === streams.length,
    )
  })
}
