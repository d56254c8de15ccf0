import type { Flow, Node as GraphNode } from '../../../schema/flow.ts'
import type { FunctionFigures, Snapshot } from '../../telemetry/snapshot.ts'
import type { Item, Placement } from '../instance.ts'
import { zoneOf } from './network.ts'

/** Of a host of which nothing is known: what one takes that idles. */
const [idleCpuMillis, idleBytes] = [5, 60 * 2 ** 20]

/** What is to be placed, with what the file asks for and what was measured. Pure.
 *  @param homes by name of what is elsewhere for now: the node that counts as its own */
export function itemsOf(
  { nodes }: Flow,
  snapshot: Snapshot,
  homes: Readonly<Record<string, string>> = {},
): Item[] {
  return nodes.map(node => {
    const figures = snapshot.functions.find(({ name }) => name === node.name)
    const { require, prefer, near, apart, with: together, keep } = node.placement
    const isThere = snapshot.nodes.some(({ name }) => name === homes[node.name])
    const place = isThere ? homes[node.name] : placeOf(figures, snapshot.nodes)
    const hosts = Math.max(1, figures?.hosts.reduce((sum, { hosts }) => sum + hosts, 0) ?? 0)
    const home = snapshot.nodes.find(({ name }) => name === place)
    return {
      name: node.name,
      kind: node.kind,
      hosts,
      ...neededBy(node, figures),
      ...(figures?.handlerMs && { handlerMs: figures.handlerMs.value }),
      ...(figures?.storedBytes && { stateBytes: hosts * figures.storedBytes.value }),
      ...(require && { require }),
      ...(prefer && { prefer }),
      ...(near && { near: near.map(({ function: item, maxRttMs }) => ({ item, maxRttMs })) }),
      ...(apart && { apart }),
      ...(together && { with: together }),
      ...(keep && { keep }),
      ...(place !== undefined && { current: { zone: home ? zoneOf(home) : place, node: place } }),
    }
  })
}

/** Where everything is: with hosts on several nodes, where most of them are. */
export function currentOf(items: readonly Item[]): Placement {
  return Object.fromEntries(
    items.flatMap(({ name, current }) => (current?.node ? [[name, current.node]] : [])),
  )
}

const placeOf = (figures: FunctionFigures | undefined, nodes: Snapshot['nodes']) =>
  figures?.hosts
    .filter(({ node }) => nodes.some(({ name }) => name === node))
    .toSorted((a, b) => b.hosts - a.hosts || (a.node < b.node ? -1 : 1))[0]?.node

/** What is asked for is reserved, used or not; more than that may be used. */
function neededBy(node: GraphNode, figures: FunctionFigures | undefined) {
  const { cpuMillis, memoryBytes } = node.kind === 'function' ? node.resources : {}
  return {
    cpuMillis: Math.max(cpuMillis ?? 0, figures?.cpuMillis?.value ?? idleCpuMillis),
    memoryBytes: Math.max(memoryBytes ?? 0, figures?.memoryBytes?.value ?? idleBytes),
  }
}
