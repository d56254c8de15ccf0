import type { Node } from '../../schema/flow.ts'

/** By node of the graph: the sources that its records come from. A source is above itself. */
export function sourcesAbove(nodes: Pick<Node, 'name' | 'kind' | 'from'>[]): Map<string, Set<string>> {
  const byName = new Map(nodes.map(node => [node.name, node]))
  const known = new Map<string, Set<string>>()
  const above = (name: string): Set<string> => {
    const before = known.get(name)
    if (before) return before
    const sources = new Set<string>()
    known.set(name, sources)
    const node = byName.get(name)
    if (node?.kind === 'source') sources.add(name)
    for (const input of node?.from ?? []) for (const source of above(input.node)) sources.add(source)
    return sources
  }
  for (const { name } of nodes) above(name)
  return known
}
