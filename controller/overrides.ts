import type { Flow, Node, Placement } from '../schema/flow.ts'

/** Where something runs for now, in place of what its file decides: exactly one of zone and node. */
export interface Override {
  zone?: string
  node?: string
  /** A condition of its file; a person, until the next revision; or a node that can't be used. */
  by: 'when' | 'move' | 'failure'
  reason: string
  /** RFC 3339. */
  at: string
}

/** By node of the graph. Of those that share a place, one has it for all. */
export type Overrides = Record<string, Override>

/** The flow as it is to run now. What a person has moved counts before conditions. */
export function overridden(flow: Flow, switches: Overrides = {}, moves: Overrides = {}): Flow {
  const nodes = flow.nodes.map(node => {
    const override = overrideOf(node, switches, moves)
    return override ? { ...node, placement: placedAt(node.placement, override) } : node
  })
  return { ...flow, nodes }
}

export function overrideOf(
  { name, placement }: Pick<Node, 'name' | 'placement'>,
  switches: Overrides = {},
  moves: Overrides = {},
): Override | undefined {
  const names = [name, ...(placement.with ?? [])]
  const of = (overrides: Overrides) => names.map(name => overrides[name]).find(each => each !== undefined)
  return of(moves) ?? of(switches)
}

/** A placement that is decided otherwise. */
export function placedAt(
  { zone: _, node: __, ...rest }: Placement,
  { zone, node }: Pick<Override, 'zone' | 'node'>,
): Placement {
  return { ...rest, ...(zone !== undefined && { zone }), ...(node !== undefined && { node }) }
}

export const placeText = ({ zone, node }: Pick<Override, 'zone' | 'node'>) =>
  node === undefined ? `zone ${zone}` : `node ${node}`
