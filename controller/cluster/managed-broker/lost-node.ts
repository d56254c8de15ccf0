import { Problem } from '../../../schema/problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { resources } from '../../kubernetes/resource.ts'
import { defaultZoneKey } from '../../orchestrator/kubernetes/affinity.ts'
import { lostNodes } from '../../orchestrator/kubernetes/cluster-nodes.ts'
import type { ClusterNode, Pod } from '../../orchestrator/kubernetes/objects.ts'
import type { DataflowResource } from '../resource.ts'
import { brokerSelector } from './manifests.ts'

/** Whether a broker that does not answer is on a node that does not either: then it is away until a person acts, for the
 *  cluster makes no other as long as this one may run, and write to its volume. @param zone whose broker it is; absent: the
 *  dataflow's own */
export async function lostWithNode(
  client: Pick<KubernetesClient, 'list'>,
  { metadata }: Pick<DataflowResource, 'metadata'>,
  signal: AbortSignal,
  zone?: string,
): Promise<Problem | undefined> {
  for (const { pod, node } of await placesOf(client, metadata, signal, zone))
    if (node && lostNodes([node]).has(node.metadata.name)) return lost(pod.metadata.name, node.metadata.name)
  return undefined
}

/** The zone of the node that the dataflow's own broker runs on; undefined where it runs nowhere now. */
export async function zoneOfBroker(
  client: Pick<KubernetesClient, 'list'>,
  { metadata, spec }: Pick<DataflowResource, 'metadata' | 'spec'>,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { zoneKey = defaultZoneKey } = spec.placement ?? {}
  const places = await placesOf(client, metadata, signal)
  return places.find(({ node }) => node)?.node?.metadata.labels?.[zoneKey]
}

async function placesOf(
  client: Pick<KubernetesClient, 'list'>,
  { name, namespace }: DataflowResource['metadata'],
  signal: AbortSignal,
  zone?: string,
): Promise<{ pod: Pod; node: ClusterNode | undefined }[]> {
  const labelSelector = brokerSelector(name, zone)
  const pods = await client.list<Pod>(resources.Pod, { namespace: namespace!, labelSelector, signal })
  return Promise.all(
    pods.items.map(async pod => {
      const { nodeName } = pod.spec
      if (nodeName === undefined) return { pod, node: undefined }
      const fieldSelector = `metadata.name=${nodeName}`
      const nodes = await client.list<ClusterNode>(resources.Node, { fieldSelector, signal })
      return { pod, node: nodes.items[0] }
    }),
  )
}

const lost = (pod: string, node: string) =>
  new Problem('BrokerNodeLost', `its broker ${pod} is on ${node}, which does not answer`, {
    hint:
      'It goes on when the node is back. If that is switched off for good, and the volume can be attached elsewhere: ' +
      `\`kubectl taint nodes ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute\`; ` +
      'never while the node may run.',
  })
