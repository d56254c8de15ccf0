import type { Flow } from '../../schema/flow.ts'

/** What every format draws; the same shape as the controller's `/api/graph`. */
export interface Picture {
  name: string
  /** Producers before their consumers. */
  nodes: { name: string; kind: 'source' | 'function' | 'sink'; phase?: string }[]
  edges: Edge[]
}

export interface Edge {
  from: string
  output: string
  to: string
  recordsPerSecond?: number
}

export const pictureOf = (flow: Flow): Picture => ({
  name: flow.name,
  nodes: flow.nodes.map(({ name, kind }) => ({ name, kind })),
  edges: flow.nodes.flatMap(node =>
    node.from.map(input => ({ from: input.node, output: input.output, to: node.name })),
  ),
})

/** What stands beside an edge: its named output and its rate, or nothing. */
export function labelOf({ output, recordsPerSecond }: Edge): string {
  const rate = recordsPerSecond === undefined ? '' : `${Number(recordsPerSecond.toPrecision(3))}/s`
  return [output === 'default' ? '' : output, rate].filter(Boolean).join(' ')
}
