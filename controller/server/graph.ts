import type { FlowView } from '../broker/flow-view.ts'
import type { Dataflow } from '../dataflow.ts'

export interface Graph {
  name: string
  nodes: { name: string; kind: string; phase: string }[]
  edges: { from: string; output: string; to: string; recordsPerSecond?: number }[]
}

/** The graph as it runs. Where a producer has one consumer only, the rate of what it sends is that of the edge. */
export async function graphOf(
  { inventory, last }: Dataflow,
  view: FlowView,
  withRates: boolean,
): Promise<Graph> {
  const { name, nodes } = inventory!.flow
  const rates = withRates ? view.rates() : new Map<string, number>()
  const edges = nodes.flatMap(node =>
    node.from.map(input => ({ from: input.node, output: input.output, to: node.name })),
  )
  const outputsOf = (producer: string) =>
    new Set(edges.filter(({ from }) => from === producer).map(({ output }) => output))
  return {
    name,
    nodes: nodes.map(({ name, kind }) => ({
      name,
      kind,
      phase: last?.health.nodes[name]?.phase ?? 'Waiting',
    })),
    edges: edges.map(edge => {
      const rate = rates.get(edge.from)
      return {
        ...edge,
        ...(rate !== undefined && outputsOf(edge.from).size === 1 && { recordsPerSecond: rate }),
      }
    }),
  }
}
