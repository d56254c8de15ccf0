import type { Compiled } from './compiled.ts'

/**
 * Nodes taken together, so that a bound need not tell apart what is alike: those of a zone with the same capacity, price,
 * architecture and labels are one site. A placement on nodes is one on sites that costs no more.
 */
export interface Sites {
  count: number
  /** Nodes of each. */
  nodes: number[][]
  zoneOf: Int32Array
  ofZone: number[][]
  /** Sums over the nodes. */
  cpuLimit: Float64Array
  memoryLimit: Float64Array
  cpuTarget: Float64Array
  /** items × sites: the least over the nodes; infinite where a rule of the item alone, or its size, forbids all of them. */
  cost: Float64Array
  money: Float64Array
  moved: Uint8Array
}

/** @param isFine every node is a site of its own */
export function sitesOf(model: Compiled, isFine: boolean): Sites {
  const nodes = isFine ? Array.from({ length: model.nodes }, (_, k) => [k]) : alike(model)
  const count = nodes.length
  const total = (values: Float64Array) =>
    Float64Array.from(nodes, group => group.reduce((sum, k) => sum + values[k]!, 0))
  const zoneOf = Int32Array.from(nodes, group => model.zoneOf[group[0]!]!)
  const sites: Sites = {
    count,
    nodes,
    zoneOf,
    ofZone: Array.from({ length: model.zones }, () => []),
    cpuLimit: total(model.cpuLimit),
    memoryLimit: total(model.memoryLimit),
    cpuTarget: total(model.cpuTarget),
    cost: new Float64Array(model.items * count).fill(Number.POSITIVE_INFINITY),
    money: new Float64Array(model.items * count),
    moved: new Uint8Array(model.items * count),
  }
  zoneOf.forEach((zone, s) => {
    sites.ofZone[zone]!.push(s)
  })
  for (let i = 0; i < model.items; i++)
    nodes.forEach((group, s) => {
      const at = i * count + s
      const fitting = group.filter(k => isOpen(model, i, k))
      if (fitting.length === 0) return
      const least = (table: ArrayLike<number>) => Math.min(...fitting.map(k => table[i * model.nodes + k]!))
      sites.cost[at] = least(model.unaryCost)
      sites.money[at] = least(model.money)
      sites.moved[at] = least(model.moved)
    })
  return sites
}

/** Whether nothing of the item alone forbids the node. */
function isOpen(model: Compiled, item: number, k: number): boolean {
  const slack = 1 + 1e-9
  return (
    model.unaryBroken[item * model.nodes + k] === 0 &&
    model.cpu[item]! <= model.cpuLimit[k]! * slack &&
    model.memory[item]! <= model.memoryLimit[k]! * slack
  )
}

function alike({ instance }: Compiled): number[][] {
  const named = new Set(instance.items.map(({ fixed }) => fixed?.node))
  const groups = new Map<string, number[]>()
  instance.nodes.forEach(({ name, zone, cpuMillis, memoryBytes, arch, labels, pricePerHour }, k) => {
    const own = named.has(name) ? name : ''
    const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
    const key = JSON.stringify([own, zone, cpuMillis, memoryBytes, arch, sorted, pricePerHour])
    groups.set(key, [...(groups.get(key) ?? []), k])
  })
  return [...groups.values()]
}
