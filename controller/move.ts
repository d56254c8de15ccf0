import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Decision } from '../schema/edit.ts'
import type { Flow, Node } from '../schema/flow.ts'
import { Problem } from '../schema/problem.ts'
import { nearestMs } from '../schema/round-trip.ts'
import { listed } from '../schema/suggest.ts'
import type { Context } from './context.ts'
import type { Inventory } from './inventory.ts'
import { type Override, overridden, placeText } from './overrides.ts'
import { mayRunOn } from './place.ts'
import { recall } from './recall.ts'

/** Has something run elsewhere until the next revision, or again where its file says: then at once, also where it fled from
 *  there and going back does not pay. @param to empty for that, or what the file says
 *  @returns the nodes of the graph that move @throws Problem when it can't be there */
export async function move(
  inventory: Inventory,
  name: string,
  to: Decision,
  { orchestrator, inventories, emit }: Pick<Context, 'orchestrator' | 'inventories' | 'emit'>,
): Promise<string[]> {
  const { flow, switches, moves = {} } = inventory
  const decided = overridden(flow, switches).nodes.find(node => node.name === name)!.placement
  const isDecided = decided.zone === to.zone && decided.node === to.node
  const isBack = isDecided || (to.zone === undefined && to.node === undefined)
  if (!isBack) checkMove(flow, name, to, await orchestrator.nodes())
  const states = await orchestrator.nodeStates()
  const { placement } = flow.nodes.find(node => node.name === name)!
  const names = [name, ...(placement.with ?? [])]
  const others = Object.entries(moves).filter(([key]) => !names.includes(key))
  const own: Override = { ...to, by: 'move', reason: 'moved by hand', at: new Date().toISOString() }
  inventory.moves = Object.fromEntries(isBack ? others : [...others, [name, own]])
  recall(inventory, names, states)
  inventories.save(inventory)
  await inventories.settled()
  const where = isBack ? 'where its file says' : placeText(to)
  emit({ type: 'relocated', flow: flow.name, function: name, to: where, reason: 'by hand' })
  return names
}

/** Refuses a place that a function, or what shares its place, may not have. @throws Problem */
function checkMove(flow: Flow, name: string, to: Decision, nodes: readonly DeclaredNode[]): void {
  const move = { [name]: { ...to, by: 'move' as const, reason: '', at: '' } }
  const moved = overridden(flow, {}, move).nodes
  const byName = new Map(moved.map(node => [node.name, node]))
  const set = [name, ...(byName.get(name)!.placement.with ?? [])]
  checkPlace(to, nodes)
  const of = (node: Node) => nodes.filter(each => mayRunOn(node, each))
  for (const member of set) {
    if (of(byName.get(member)!).length > 0) continue
    const fit = of(withoutDecision(byName.get(member)!)).map(node => node.name)
    const hint = fit.length === 0 ? 'No node has it.' : `${listed(fit)} would do.`
    throw impossible(`nothing in ${placeText(to)} has what ${member} requires`, hint)
  }
  for (const node of moved) {
    const { near = [], apart = [] } = node.placement
    const moves = set.includes(node.name)
    for (const { function: other, maxRttMs } of near) {
      if (moves === set.includes(other) || !byName.has(other)) continue
      const ms = nearestMs(of(node), of(byName.get(other)!))
      if (ms === undefined || ms <= maxRttMs) continue
      const message = `${node.name} is to be within ${maxRttMs} ms of ${other}: it would be ${ms} ms`
      throw impossible(message, 'Choose a nearer place, or move both.')
    }
    for (const other of apart) {
      if (moves === set.includes(other) || !byName.has(other)) continue
      const all = new Set([...of(node), ...of(byName.get(other)!)])
      if (all.size !== 1) continue
      const [only] = all
      throw impossible(
        `${node.name} is to be apart from ${other}, and both would run on ${only!.name}`,
        'Choose another place.',
      )
    }
  }
}

function checkPlace({ zone, node }: Decision, nodes: readonly DeclaredNode[]): void {
  const isThere = nodes.some(each => (node === undefined ? each.zone === zone : each.name === node))
  if (isThere) return
  const known = nodes.flatMap(each => (node === undefined ? (each.zone ?? []) : each.name))
  throw impossible(
    `there is no ${placeText({ ...(zone !== undefined && { zone }), ...(node !== undefined && { node }) })}`,
    `There are ${listed([...new Set(known)])}.`,
  )
}

function withoutDecision(node: Node): Node {
  const { zone: _, node: __, ...placement } = node.placement
  return { ...node, placement }
}

const impossible = (message: string, hint: string) =>
  new Problem('PlacementImpossible', message, { disposition: 'stalled', hint })
