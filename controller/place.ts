import type { DeclaredNode, Workload } from './orchestrator/orchestrator.ts'

/** Whether the hard constraints and the decision allow a host of this workload here. */
export function mayRunOn(
  { placement, within }: Pick<Workload, 'placement' | 'within'>,
  node: DeclaredNode,
): boolean {
  if (within && !within.includes(node.name)) return false
  if (placement.node !== undefined && placement.node !== node.name) return false
  if (placement.zone !== undefined && placement.zone !== node.zone) return false
  const { arch, labels = {} } = placement.require ?? {}
  if (arch && node.arch !== undefined && !arch.includes(node.arch)) return false
  return Object.entries(labels).every(([name, value]) => {
    const has = node.labels?.[name]
    return value === 'exists' ? has !== undefined : has === value
  })
}

/** The node for one more host: allowed, most preferred, least loaded, then by name.
 *  @param hostsOn hosts that each node has already. @returns undefined when none is allowed */
export function place(
  workload: Pick<Workload, 'placement' | 'within'>,
  nodes: readonly DeclaredNode[],
  hostsOn: ReadonlyMap<string, number>,
): string | undefined {
  const score = (node: DeclaredNode) =>
    (workload.placement.prefer ?? []).reduce(
      (sum, { zone, weight }) => sum + (zone === node.zone ? weight : 0),
      0,
    )
  const load = (node: DeclaredNode) => hostsOn.get(node.name) ?? 0
  return nodes
    .filter(node => mayRunOn(workload, node))
    .toSorted((a, b) => score(b) - score(a) || load(a) - load(b) || (a.name < b.name ? -1 : 1))[0]?.name
}
