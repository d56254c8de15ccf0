import type { DeclaredNode } from '../../../schema/declared-node.ts'
import { cpuMillis, memoryBytes } from '../../../schema/quantity.ts'
import { defaultZoneKey } from './affinity.ts'
import type { ClusterNode } from './objects.ts'
import type { KubernetesOptions } from './options.ts'

/** Nodes of a cluster as placement knows them: those that may be used at all. */
export function declaredNodes(
  nodes: ClusterNode[],
  { zoneKey = defaultZoneKey, nodeSelector = {} }: Pick<KubernetesOptions, 'zoneKey' | 'nodeSelector'> = {},
): DeclaredNode[] {
  const isSelected = ({ metadata: { labels = {} } }: ClusterNode) =>
    Object.entries(nodeSelector).every(([key, value]) => labels[key] === value)
  return nodes.filter(isSelected).map(({ metadata: { name, labels = {} }, status }) => {
    const { cpu, memory } = status?.allocatable ?? {}
    const zone = labels[zoneKey]
    const arch = labels['kubernetes.io/arch']
    return {
      name,
      labels,
      ...(zone !== undefined && { zone }),
      ...(arch !== undefined && { arch }),
      ...(cpu !== undefined && { cpu: cpuMillis(cpu) }),
      ...(memory !== undefined && { memory: memoryBytes(memory) }),
    }
  })
}

/** Names of those whose kubelet says nothing any more, or that it can't run pods now. */
export const lostNodes = (nodes: ClusterNode[]) =>
  new Set(
    nodes
      .filter(({ status }) =>
        status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True'),
      )
      .map(({ metadata }) => metadata.name),
  )
