import { Problem } from '../../../schema/problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { resources } from '../../kubernetes/resource.ts'
import { lostNodes } from '../../orchestrator/kubernetes/cluster-nodes.ts'
import type { ClusterNode, Pod } from '../../orchestrator/kubernetes/objects.ts'
import type { DataflowResource } from '../resource.ts'
import { brokerLabel } from './manifests.ts'

/** Whether a broker that does not answer is on a node that does not either: then it is away until a person acts, for the
 *  cluster makes no other as long as this one may run, and write to its volume. */
export async function lostWithNode(
  client: Pick<KubernetesClient, 'list'>,
  { metadata }: DataflowResource,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  const pods = await client.list<Pod>(resources.Pod, {
    namespace: metadata.namespace!,
    labelSelector: `${brokerLabel}=${metadata.name}`,
    signal,
  })
  for (const pod of pods.items) {
    const { nodeName } = pod.spec
    if (nodeName === undefined) continue
    const nodes = await client.list<ClusterNode>(resources.Node, {
      fieldSelector: `metadata.name=${nodeName}`,
      signal,
    })
    if (lostNodes(nodes.items).has(nodeName)) return lost(pod.metadata.name, nodeName)
  }
  return undefined
}

const lost = (pod: string, node: string) =>
  new Problem('BrokerNodeLost', `its broker ${pod} is on ${node}, which does not answer`, {
    hint:
      'It goes on when the node is back. If that is switched off for good, and the volume can be attached elsewhere: ' +
      `\`kubectl taint nodes ${node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute\`; ` +
      'never while the node may run.',
  })
