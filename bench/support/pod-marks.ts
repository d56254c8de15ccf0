import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import { resources } from '../../controller/kubernetes/resource.ts'
import type { Pod } from '../../controller/orchestrator/kubernetes/objects.ts'
import { parsePresence } from '../../runtime/membership.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { topics } from '../../schema/topics.ts'

/** What becomes of the newest generation of a node of the graph, in this order. */
export const podSteps = [
  'pod made',
  'bound to a node',
  'process started',
  'connected',
  'holds its partition',
] as const
export type PodStep = (typeof podSteps)[number]

export interface PodMarks {
  /** When each step was seen first, of the newest generation, by the clock of `performance.now()`. */
  readonly seen: Map<PodStep, number>
  close(): Promise<void>
}

/** Watches the pods of a function, and the presences of their hosts. */
export async function podMarks(
  client: KubernetesClient,
  { namespace, flow, node, broker }: { namespace: string; flow: string; node: string; broker: string },
): Promise<PodMarks> {
  const seen = new Map<PodStep, number>()
  let newest = 0
  const mark = (generation: number, step: PodStep, at = performance.now()) => {
    if (generation < newest) return
    if (generation > newest) seen.clear()
    newest = generation
    if (!seen.has(step)) seen.set(step, at)
  }
  const pods = client.watch<Pod>(resources.Pod, {
    namespace,
    labelSelector: `dyninka.dev/flow=${flow},dyninka.dev/function=${node}`,
    onChange(pod) {
      if (!pod) return
      const generation = Number(pod.metadata.labels!['dyninka.dev/generation'])
      mark(generation, 'pod made')
      if (pod.spec.nodeName) mark(generation, 'bound to a node')
    },
  })
  const connection = await wireTransport(broker).connect({
    clientId: 'bench-marks',
    clean: true,
    onMessage(message) {
      message.ack()
      const presence = parsePresence(message.payload)
      if (!presence) return
      const { generation, startedAt, partitions } = presence
      mark(generation, 'process started', Date.parse(startedAt) - performance.timeOrigin)
      mark(generation, 'connected')
      if (partitions.length > 0) mark(generation, 'holds its partition')
    },
    onClose() {},
  })
  await connection.subscribe([topics.hosts(flow, node)], 1)
  await pods.synced
  return {
    seen,
    async close() {
      await pods.close()
      await connection.close()
    },
  }
}
