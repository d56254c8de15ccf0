import type { DeclaredNode } from '../schema/declared-node.ts'
import { troublesOf } from './adaptation/trouble.ts'
import type { Inventory } from './inventory.ts'
import type { NodeState } from './orchestrator/orchestrator.ts'
import { overridden } from './overrides.ts'
import { mayRunOn } from './place.ts'

/** Has those that fled go back as soon as they can, whatever that costs: a person asks for it. Nodes of theirs that are well
 *  count as such at once. @param names of nodes of the graph @returns whether any of them had fled */
export function recall(
  inventory: Inventory,
  names: readonly string[],
  states: readonly NodeState[],
): boolean {
  const { refuges = {}, outages = {} } = inventory
  const fled = names.filter(name => refuges[name])
  if (fled.length === 0) return false
  const troubles = troublesOf(states, [], new Set())
  const isWell = ({ name }: DeclaredNode) => states.some(state => state.name === name) && !troubles.has(name)
  const homes = Object.values(outages).filter(
    ({ counts, node }) => counts && isWell(node) && fled.some(name => mayGoTo(inventory, name, node)),
  )
  for (const { node } of homes) outages[node.name] = { ...outages[node.name]!, counts: false }
  for (const name of fled) {
    const { stays: _, ...refuge } = refuges[name]!
    refuges[name] = { ...refuge, recalled: true }
  }
  return true
}

/** The same of all that a node is for. */
export function recallTo(inventory: Inventory, node: string, states: readonly NodeState[]): boolean {
  const state = states.find(({ name }) => name === node)
  const names = Object.keys(inventory.refuges ?? {}).filter(name => state && mayGoTo(inventory, name, state))
  return recall(inventory, names, states)
}

/** As it is decided, but for what failed. */
function mayGoTo({ flow, switches, moves }: Inventory, name: string, node: DeclaredNode): boolean {
  const decided = overridden(flow, switches, moves).nodes.find(each => each.name === name)
  return decided !== undefined && mayRunOn(decided, node)
}
