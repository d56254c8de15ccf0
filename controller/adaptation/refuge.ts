import type { Flow, Node, Placement } from '../../schema/flow.ts'
import type { Inventory } from '../inventory.ts'
import { type Override, overridden, overrideOf, placedAt } from '../overrides.ts'
import type { Stay } from './homecoming.ts'
import type { Trouble } from './trouble.ts'

/** Where something runs while it can't be where it is decided. */
export interface Refuge extends Override {
  by: 'failure'
  kind: Trouble['kind']
  /** The decision that it stands in for; another one ends it. */
  instead: Pick<Placement, 'zone' | 'node'>
  /** The node that it left for others to have room there. */
  left?: string
  /** It could go back, and that does not pay. */
  stays?: Stay
  /** A person wants it back: it goes once it can, whatever that costs. */
  recalled?: true
}

/** By node of the graph. Of those that share a place, one has it for all. */
export type Refuges = Record<string, Refuge>

/** The flow as it can run now. */
export function sheltered(flow: Flow, refuges: Refuges = {}): Flow {
  const nodes = flow.nodes.map(node => {
    const refuge = refugeOf(node, refuges)
    return refuge ? { ...node, placement: placedAt(node.placement, refuge) } : node
  })
  return { ...flow, nodes }
}

/** By name of what stays elsewhere although it could go back: the node that it would run on. */
export function staying({ flow, switches, moves, refuges }: Inventory): Record<string, string> {
  const all = overridden(flow, switches, moves).nodes.map(node => [
    node.name,
    refugeOf(node, refuges)?.stays?.node,
  ])
  return Object.fromEntries(all.filter(([, node]) => node !== undefined))
}

/** @returns undefined where another decision has ended it */
export function refugeOf(node: Pick<Node, 'name' | 'placement'>, refuges: Refuges = {}): Refuge | undefined {
  const refuge = overrideOf(node, refuges) as Refuge | undefined
  return refuge && isInstead(refuge, node.placement) ? refuge : undefined
}

export const isInstead = ({ instead }: Refuge, { zone, node }: Placement) =>
  instead.zone === zone && instead.node === node

/** Nodes of the graph that share a place, or one alone: the first one's name is theirs. */
export function sharersOf({ nodes }: Flow): Node[][] {
  const sharers = new Map<string, Node[]>()
  for (const node of nodes) {
    const first = nodes.find(({ name }) => name === node.name || node.placement.with?.includes(name))!
    sharers.set(first.name, [...(sharers.get(first.name) ?? []), node])
  }
  return [...sharers.values()]
}

/** How much those that share a place prefer a zone. */
export const preferenceFor = (
  sharers: readonly Pick<Node, 'placement'>[],
  zone: string | undefined,
): number =>
  sharers
    .flatMap(({ placement }) => placement.prefer ?? [])
    .reduce((sum, { zone: preferred, weight }) => sum + (preferred === zone ? weight : 0), 0)

/** A placement that nobody has decided. */
export function undecided({ zone: _, node: __, ...placement }: Placement): Placement {
  return placement
}
