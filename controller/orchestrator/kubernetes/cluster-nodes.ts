import type { DeclaredNode } from '../../../schema/declared-node.ts'
import { cpuMillis, memoryBytes } from '../../../schema/quantity.ts'
import type { NodeResources, NodeState } from '../orchestrator.ts'
import { defaultZoneKey } from './affinity.ts'
import { type NodeUses, unmeasuredOf } from './node-usage.ts'
import type { ClusterNode, ClusterResources } from './objects.ts'
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

/** The same nodes as they are, with what their kubelets say of them. @param uses what they take, where anybody was asked */
export function nodeStates(
  nodes: ClusterNode[],
  options: Parameters<typeof declaredNodes>[1] = {},
  uses?: NodeUses,
): NodeState[] {
  const byName = new Map(nodes.map(node => [node.metadata.name, node]))
  return declaredNodes(nodes, options).map(({ name, zone, arch, labels = {} }) => {
    const { spec, status } = byName.get(name)!
    const used = uses?.byNode.get(name)
    const unmeasured = uses && unmeasuredOf(name, uses)
    const isClosed = spec?.unschedulable || spec?.taints?.some(isForOthers)
    const taken = isClosed ? [{ type: 'Unschedulable', status: 'True' as const }] : []
    return {
      name,
      ...(zone !== undefined && { zone }),
      ...(arch !== undefined && { arch }),
      labels,
      ...(status?.capacity && { capacity: resourcesOf(status.capacity) }),
      ...(status?.allocatable && { allocatable: resourcesOf(status.allocatable) }),
      ...(used && { used }),
      ...(unmeasured !== undefined && { unmeasured }),
      conditions: [...(status?.conditions ?? []).map(({ type, status }) => ({ type, status })), ...taken],
    }
  })
}

/** Pods of ours tolerate no taint; those that say what a node's conditions say come and go with these. */
const isForOthers = ({ key, effect }: { key: string; effect: string }) =>
  effect !== 'PreferNoSchedule' && !key.startsWith('node.kubernetes.io/')

const resourcesOf = ({ cpu, memory }: ClusterResources): NodeResources => ({
  ...(cpu !== undefined && { cpuMillis: cpuMillis(cpu) }),
  ...(memory !== undefined && { memoryBytes: memoryBytes(memory) }),
})

/** Names of those whose kubelet says nothing any more, or that it can't run pods now. */
export const lostNodes = (nodes: ClusterNode[]) =>
  new Set(
    nodes
      .filter(({ status }) =>
        status?.conditions?.some(({ type, status }) => type === 'Ready' && status !== 'True'),
      )
      .map(({ metadata }) => metadata.name),
  )
