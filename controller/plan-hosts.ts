import { isDeepStrictEqual } from 'node:util'
import type { Desired } from './desired.ts'
import type { HostChange, ObservedHost, Setting, Workload } from './orchestrator/orchestrator.ts'
import { mayRunOn, place } from './place.ts'
import type { Observed } from './plan.ts'
import { isConfirmed } from './rollout.ts'

/** Hosts to start (consumers first), to restart, and to stop (producers first). */
export function planHosts(desired: Desired, observed: Observed): HostChange[] {
  const hostsOn = new Map<string, number>()
  for (const host of observed.hosts) hostsOn.set(host.place, (hostsOn.get(host.place) ?? 0) + 1)
  const byNode = Map.groupBy(observed.hosts, host => host.node)
  const starts = desired.workloads
    .toReversed()
    .flatMap(workload => planStarts(workload, byNode.get(workload.node) ?? [], observed, hostsOn))
  const stops = desired.workloads.flatMap(workload =>
    planStops(workload, byNode.get(workload.node) ?? [], observed),
  )
  return [...restarts(observed), ...starts, ...stops, ...planRemovals(desired, observed)]
}

function restarts({ hosts, silent }: Observed): HostChange[] {
  return hosts
    .filter(host => host.phase === 'running' && silent.includes(host.id))
    .map(host => ({
      action: 'restart',
      ...keyOf(host),
      reason: 'it went silent: something blocks its event loop',
    }))
}

function planStarts(
  workload: Workload,
  hosts: ObservedHost[],
  observed: Observed,
  hostsOn: Map<string, number>,
): HostChange[] {
  const { nodes, schedules, full = [] } = observed
  const roomy = nodes.filter(({ name }) => !full.includes(name))
  const generation = generationOf(workload, hosts, observed)
  const changes: HostChange[] = []
  for (let replica = 0; replica < workload.replicas; replica++) {
    if (hosts.some(host => host.generation === generation && host.replica === replica)) continue
    const chosen = schedules ? '' : (place(workload, roomy, hostsOn) ?? place(workload, nodes, hostsOn))
    if (chosen === undefined) continue
    hostsOn.set(chosen, (hostsOn.get(chosen) ?? 0) + 1)
    changes.push({ action: 'start', spec: { workload, generation, replica, place: chosen } })
  }
  return changes
}

/** The generation that should run: a new one when the process would be another, or must be elsewhere. What works and is
 *  wanted again goes on, as long as nothing newer has taken over from it. */
export function generationOf(
  workload: Workload,
  hosts: ObservedHost[],
  { nodes, presences }: Pick<Observed, 'nodes' | 'presences'>,
): number {
  const isRight = (host: ObservedHost) => {
    if (host.setting)
      return host.fingerprint === workload.fingerprint && isSameSetting(host.setting, workload)
    const node = nodes.find(({ name }) => name === host.place)
    return host.fingerprint === workload.fingerprint && node !== undefined && mayRunOn(workload, node)
  }
  const generations = Map.groupBy(
    hosts.filter(({ phase }) => phase !== 'stopping'),
    ({ generation }) => generation,
  )
  const isPresent = (host: ObservedHost) => presences.some(presence => presence.host === host.id)
  const [newest, ...older] = [...generations].toSorted(([a], [b]) => b - a)
  if (newest?.[1].every(isRight)) return newest[0]
  if (!newest?.[1].some(isPresent)) {
    const working = older.find(([, hosts]) => hosts.some(isPresent))
    if (working?.[1].every(host => host.workload !== undefined && isRight(host))) return working[0]
  }
  return newestOf(hosts) + 1
}

/** In whatever order it was written. */
const isSameSetting = ({ placement, outside }: Setting, workload: Workload) =>
  isDeepStrictEqual([placement, outside], [workload.placement, workload.outside])

const newestOf = (hosts: ObservedHost[]) => Math.max(0, ...hosts.map(host => host.generation))

function planStops(workload: Workload, hosts: ObservedHost[], observed: Observed): HostChange[] {
  const generation = generationOf(workload, hosts, observed)
  const running = hosts.filter(host => host.phase !== 'stopping')
  const older = running.filter(host => host.generation < generation)
  const newer = running.filter(host => host.generation > generation)
  if (workload.replicas === 0) return running.map(host => stop(host, 'there is no work'))
  const keep = isReady(workload.node, generation, observed)
    ? undefined
    : generationToKeep(workload.node, older, observed)
  return [
    ...newer.map(host => ({ ...stop(host, `generation ${generation} goes on`), keep: generation })),
    ...older
      .filter(host => host.generation !== keep)
      .map(host => stop(host, `generation ${generation} replaces it`)),
    ...running
      .filter(host => host.generation === generation && host.replica >= workload.replicas)
      .map(host => stop(host, `${workload.replicas} ${workload.replicas === 1 ? 'is' : 'are'} enough`)),
  ]
}

/** A generation has taken over once its hosts hold every partition that is wired. */
export function isReady(node: string, generation: number, { presences, wirings }: Observed): boolean {
  const present = presences.filter(host => host.function === node && host.generation === generation)
  if (present.length === 0) return false
  const held = new Set(present.flatMap(host => host.partitions))
  return held.size >= (wirings[node]?.partitions ?? 0)
}

/** Of what is replaced: the newest that works, or else may still come to work. */
function generationToKeep(node: string, older: ObservedHost[], { presences }: Observed): number | undefined {
  const present = presences.filter(host => host.function === node).map(host => host.generation)
  const working = older.filter(host => present.includes(host.generation))
  if (working.length > 0) return newestOf(working)
  const hopeful = older.filter(host => host.failures === 0)
  return hopeful.length > 0 ? newestOf(hopeful) : undefined
}

/** Hosts of nodes that are no longer wanted, once nothing is sent to them any more. */
function planRemovals(desired: Desired, observed: Observed): HostChange[] {
  return observed.hosts
    .filter(
      host =>
        host.phase !== 'stopping' && !(host.node in desired.contents) && !isFed(host.node, desired, observed),
    )
    .map(host => stop(host, 'it is no longer part of the dataflow'))
}

/** Whether a producer may still send to this node, once its hosts are back if it has none now. */
export function isFed(node: string, { workloads }: Pick<Desired, 'workloads'>, observed: Observed): boolean {
  const isGone = (producer: string) =>
    hasNoHostLeft(producer, observed) &&
    observed.resting[producer] === undefined &&
    !workloads.some(workload => workload.node === producer)
  return Object.entries(observed.wirings).some(([producer, wiring]) => {
    if (isGone(producer)) return false
    const streams = Object.values(wiring.outputs).flat()
    if (streams.some(stream => stream.consumers.includes(node))) return true
    const { inputs = [], next } = observed.wirings[node] ?? {}
    const wasInput = [...inputs, ...(next?.inputs ?? [])].some(input => input.node === producer)
    return wasInput && !isConfirmed(producer, { ...observed, failed: new Set() })
  })
}

export const hasNoHostLeft = (node: string, { hosts }: Observed) => !hosts.some(host => host.node === node)

const keyOf = ({ flow, node, generation, replica }: ObservedHost) => ({ flow, node, generation, replica })

const stop = (host: ObservedHost, reason: string): HostChange => ({ action: 'stop', ...keyOf(host), reason })
