import { compile, placementOf } from '../../../controller/placement/compiled.ts'
import type { Instance, Placement } from '../../../controller/placement/instance.ts'
import { randomOf } from '../../../controller/placement/random.ts'
import { sitesOf } from '../../../controller/placement/sites.ts'
import { cloud } from './instances.ts'

/** Ways to place that need no search. Each takes for an item only nodes that its own rules allow and that have room. */
export const rivals: Record<string, (instance: Instance, seed: number) => Placement> = {
  random: (instance, seed) => {
    const random = randomOf(seed)
    return inOrder(instance, () => random())
  },
  'all cloud': instance => inOrder(instance, (_, k) => (instance.nodes[k]!.zone === cloud ? 0 : 1)),
  'all edge': instance => {
    // Beside what it reads, and not in the cloud.
    const zone = new Map<string, string>()
    return inOrder(
      instance,
      (i, k) => {
        const { edges, items, nodes } = instance
        const from = edges.find(edge => edge.to === items[i]!.name)?.from
        const wanted = from === undefined ? undefined : zone.get(from)
        return (nodes[k]!.zone === cloud ? 2 : 0) + (wanted === nodes[k]!.zone ? 0 : 1)
      },
      (i, k) => zone.set(instance.items[i]!.name, instance.nodes[k]!.zone),
    )
  },
  /**
   * R-Storm's rule (Peng et al., Middleware 2015): items in breadth-first order from the sources, the fattest stream
   * first; each goes to the node with the least distance in cores, memory and network to what feeds it, where memory fits.
   */
  greedy: instance => {
    const { edges, items, nodes, links } = instance
    const rtt = new Map(links.map(link => [`${link.from} ${link.to}`, link.rttMs]))
    const most = Math.max(...links.map(link => link.rttMs))
    const place = new Map<string, string>()
    return inOrder(
      instance,
      (i, k, room) => {
        const feeding = edges.filter(edge => edge.to === items[i]!.name && place.has(edge.from!))
        const fattest = feeding.toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond)[0]
        const zone = nodes[k]!.zone
        const from = fattest && place.get(fattest.from!)
        const far = from === undefined || from === zone ? 0 : rtt.get(`${from} ${zone}`)! / most
        return Math.hypot(room.cpu, room.memory, 4 * far)
      },
      (i, k) => place.set(items[i]!.name, nodes[k]!.zone),
      breadthFirst(instance),
    )
  },
}

/** @param rank the node with the least is taken; `room` is the share of the largest node that would be left free there */
function inOrder(
  instance: Instance,
  rank: (item: number, node: number, room: { cpu: number; memory: number }) => number,
  onPlaced: (item: number, node: number) => void = () => {},
  order = instance.items.map((_, i) => i),
): Placement {
  const model = compile(instance)
  const open = sitesOf(model, true).cost
  const free = { cpu: model.cpuLimit.slice(), memory: model.memoryLimit.slice() }
  const most = { cpu: Math.max(...model.cpuLimit), memory: Math.max(...model.memoryLimit) }
  const nodeOf = new Int32Array(model.items)
  for (const i of order) {
    let [best, least] = [-1, Number.POSITIVE_INFINITY]
    for (let k = 0; k < model.nodes; k++) {
      const left = { cpu: free.cpu[k]! - model.cpu[i]!, memory: free.memory[k]! - model.memory[i]! }
      const fits = left.cpu >= 0 && left.memory >= 0 && open[i * model.nodes + k]! < Number.POSITIVE_INFINITY
      const own =
        rank(i, k, { cpu: left.cpu / most.cpu, memory: left.memory / most.memory }) + (fits ? 0 : 1000)
      if (own >= least) continue
      least = own
      best = k
    }
    nodeOf[i] = best
    free.cpu[best]! -= model.cpu[i]!
    free.memory[best]! -= model.memory[i]!
    onPlaced(i, best)
  }
  return placementOf(model, nodeOf)
}

function breadthFirst({ items, edges }: Instance): number[] {
  const index = new Map(items.map(({ name }, i) => [name, i]))
  const order = new Set(items.flatMap(({ kind }, i) => (kind === 'source' ? [i] : [])))
  for (const i of order) {
    const out = edges.filter(edge => edge.from === items[i]!.name)
    for (const { to } of out.toSorted((a, b) => b.bytesPerSecond - a.bytesPerSecond))
      order.add(index.get(to!)!)
  }
  items.forEach((_, i) => {
    order.add(i)
  })
  return [...order]
}
