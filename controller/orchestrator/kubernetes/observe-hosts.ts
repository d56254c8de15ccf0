import type { ObservedHost } from '../orchestrator.ts'
import { annotations, container, labels } from './names.ts'
import type { Deployment, Pod } from './objects.ts'
import { readRecord, settingOf } from './record.ts'
import { standing } from './standing.ts'

export interface NodeObjects {
  deployment?: Deployment
  /** Of this node of the graph, of whatever generation. */
  pods: Pod[]
  /** Somebody else sets the number of pods. */
  isAutoscaled: boolean
  /** Newest generation that was asked to stop, and whose pods go as those of the next get ready. */
  stoppedUpTo: number
  /** Names of the nodes of the cluster that do not answer. */
  lostNodes: ReadonlySet<string>
}

/** A host that is told to stop is gone from the broker at once. */
const overdueAfterMs = 5_000

/** The hosts of one node of the graph. Pods that the cluster has yet to make are among them, or they would be asked
 *  for again. @param now of the clock by which the cluster dates */
export function observeHosts(flow: string, node: string, objects: NodeObjects, now: number): ObservedHost[] {
  const { deployment, isAutoscaled, stoppedUpTo } = objects
  const isGoing = !deployment || deployment.metadata.deletionTimestamp !== undefined
  const record = deployment && readRecord(deployment)
  const template = deployment?.spec.template.metadata?.annotations?.[annotations.template]
  const wanted = record?.replicas ?? deployment?.spec.replicas ?? 0
  const generation = record?.generation ?? 0
  const numbers = new Map<number, number>()
  const hosts: ObservedHost[] = []
  for (const pod of objects.pods.toSorted(byAge)) {
    // Its place is taken already: by one that its owner makes, or by none.
    if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') continue
    const host = hostOf(flow, node, pod, objects.lostNodes, now)
    const isOurs = host.generation === generation
    const isOfTemplate = pod.metadata.annotations?.[annotations.template] === template
    // What is newer than what is wanted did not start: it is on its way out.
    const isRefused = record !== undefined && host.generation > generation
    if (isGoing || isRefused || host.generation <= stoppedUpTo || (isOurs && !isOfTemplate))
      host.phase = 'stopping'
    if (host.phase !== 'stopping') {
      const number = numbers.get(host.generation) ?? 0
      numbers.set(host.generation, number + 1)
      // An autoscaler's pods above what was asked for share the numbers of the others: nobody is to stop them.
      host.replica = isAutoscaled && isOurs && wanted > 0 ? number % wanted : number
    }
    if (record && isOurs) host.setting = settingOf(record.workload)
    else if (record?.before?.generation === host.generation) {
      host.setting = settingOf(record.before.workload)
      host.workload = record.before.workload
    }
    hosts.push(host)
  }
  if (!record || isGoing) return hosts
  for (let replica = numbers.get(generation) ?? 0; replica < wanted; replica++) {
    const refused = deployment.status?.conditions?.find(({ type }) => type === 'ReplicaFailure')
    hosts.push({
      flow,
      node,
      generation,
      replica,
      fingerprint: record.workload.fingerprint,
      artifact: record.workload.artifact,
      runtime: record.workload.runtime,
      place: '',
      id: `${record.name}-${generation}-${replica}-to-come`,
      phase: 'running',
      failures: 0,
      setting: settingOf(record.workload),
      ...(refused?.status === 'True' && {
        obstacle: `its pod is refused: ${refused.message ?? refused.reason}`,
      }),
    })
  }
  return hosts
}

function hostOf(
  flow: string,
  node: string,
  pod: Pod,
  lostNodes: NodeObjects['lostNodes'],
  now: number,
): ObservedHost {
  const { metadata, spec, status } = pod
  const own = status?.containerStatuses?.find(({ name }) => name === container)
  const { phase, ...rest } = standing(pod, own, node, now)
  const isStopping = metadata.deletionTimestamp !== undefined
  const place = spec.nodeName ?? ''
  return {
    flow,
    node,
    generation: Number(metadata.labels?.[labels.generation] ?? 0) || 0,
    replica: 0,
    fingerprint: metadata.annotations?.[annotations.fingerprint] ?? '',
    artifact: metadata.annotations?.[annotations.artifact] ?? '',
    runtime: metadata.annotations?.[annotations.runtime] ?? '',
    place,
    id: metadata.name,
    phase: isStopping ? 'stopping' : phase,
    ...(!isStopping && lostNodes.has(place) && { obstacle: `its node ${place} does not answer` }),
    ...(isOverdue(pod, now) && { overdue: true as const }),
    ...rest,
  }
}

/** The kubelet tells a pod to stop when it sees that it is to be deleted, and the API server dates that ahead. */
function isOverdue({ metadata }: Pod, now: number): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = metadata
  if (deletionTimestamp === undefined) return false
  return now - (Date.parse(deletionTimestamp) - deletionGracePeriodSeconds * 1_000) > overdueAfterMs
}

function byAge(a: Pod, b: Pod): number {
  const [first = '', second = ''] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp]
  if (first !== second) return first < second ? -1 : 1
  return a.metadata.name < b.metadata.name ? -1 : 1
}
