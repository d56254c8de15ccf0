import type { Placement } from '../../../schema/flow.ts'
import { labels } from './names.ts'

const nodeKey = 'kubernetes.io/hostname'
export const defaultZoneKey = 'topology.kubernetes.io/zone'

export interface Expression {
  key: string
  operator: 'In' | 'Exists'
  values?: string[]
}

/** A placement as the scheduler understands it: what is decided and required must hold, what is preferred, what should
 *  be near and what should share a node is weighed; what must be apart gets no common node. It knows no round trips: near
 *  is the same zone. To require one node for several would keep all of them from starting elsewhere when it is lost, as
 *  long as pods that nobody can end are there.
 *  @param zoneKey label of nodes that names their zone @returns undefined when it says nothing */
export function affinityOf(
  flow: string,
  { require, prefer = [], near = [], apart = [], with: others = [], zone, node }: Placement,
  zoneKey = defaultZoneKey,
) {
  const expressions: Expression[] = []
  if (zone !== undefined) expressions.push({ key: zoneKey, operator: 'In', values: [zone] })
  if (require?.arch) expressions.push({ key: 'kubernetes.io/arch', operator: 'In', values: require.arch })
  for (const [key, value] of Object.entries(require?.labels ?? {})) {
    if (value === 'exists') expressions.push({ key, operator: 'Exists' })
    else expressions.push({ key, operator: 'In', values: [value] })
  }
  const term = {
    ...(expressions.length > 0 && { matchExpressions: expressions }),
    ...(node !== undefined && { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }),
  }
  const isRequired = Object.keys(term).length > 0
  const nodeAffinity = {
    ...(isRequired && { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] } }),
    ...(prefer.length > 0 && {
      preferredDuringSchedulingIgnoredDuringExecution: prefer.map(({ zone, weight }) => ({
        weight: Math.min(100, Math.max(1, Math.round(weight))),
        preference: { matchExpressions: [{ key: zoneKey, operator: 'In', values: [zone] }] },
      })),
    }),
  }
  const beside = (other: string, topologyKey: string) => ({
    topologyKey,
    labelSelector: { matchLabels: { [labels.flow]: flow, [labels.function]: other } },
  })
  const podAffinity = {
    preferredDuringSchedulingIgnoredDuringExecution: [
      ...near.map(({ function: other }) => ({ weight: 100, podAffinityTerm: beside(other, zoneKey) })),
      ...others.map(other => ({ weight: 100, podAffinityTerm: beside(other, nodeKey) })),
    ],
  }
  // It holds for the other one, too.
  const podAntiAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: apart.map(other => beside(other, nodeKey)),
  }
  const isBeside = near.length > 0 || others.length > 0
  if (Object.keys(nodeAffinity).length === 0 && !isBeside && apart.length === 0) return undefined
  return {
    ...(Object.keys(nodeAffinity).length > 0 && { nodeAffinity }),
    ...(isBeside && { podAffinity }),
    ...(apart.length > 0 && { podAntiAffinity }),
  }
}

/** What of a placement no scheduler can do, for people. */
export const unheededOf = ({ near = [], with: others = [], node }: Placement): string[] => [
  ...near.map(
    ({ function: other, maxRttMs }) =>
      `near ${other} within ${maxRttMs} ms is not held: the scheduler knows no round trips, and prefers the same zone`,
  ),
  // What has one node is there together.
  ...(node === undefined ? others : []).map(
    other => `with ${other} is not held: the scheduler prefers the same node, as long as there is room`,
  ),
]
