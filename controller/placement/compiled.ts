import { checkInstance } from './check-instance.ts'
import type { Instance, Item, Node, Placement } from './instance.ts'

/**
 * An instance as arrays, for the solver. Items, nodes and zones are numbers by their order in the instance; a table of
 * two kinds is row by row. Costs are weighted, money an hour.
 */
export interface Compiled {
  instance: Instance
  items: number
  nodes: number
  zones: number
  zoneOf: Int32Array
  /** Of all hosts of an item: millicores, bytes. */
  cpu: Float64Array
  memory: Float64Array
  /** By node, headroom taken off. */
  cpuLimit: Float64Array
  memoryLimit: Float64Array
  /** By node, millicores: above it is overload. */
  cpuTarget: Float64Array
  /** Money an hour for each millicore above the target. */
  overloadPrice: number
  /** items × nodes: rules of the item alone that do not hold there. */
  unaryBroken: Uint8Array
  /** items × nodes: node, preference and migration. */
  unaryCost: Float64Array
  /** items × nodes: what the budget counts, unweighted. */
  money: Float64Array
  /** items × nodes: 1 where it would be a move. */
  moved: Uint8Array
  /** zones × zones. */
  rtt: Float64Array
  /** zones × zones, money for each GiB, unweighted. */
  price: Float64Array
  /** By zone: that of the broker by which edges go from there that name none. */
  carrierOf: Int32Array
  pairRules: PairRule[]
  pairRulesOf: number[][]
  edges: CompiledEdge[]
  edgesOf: number[][]
  paths: { boundMs: number }[]
  latencyPrice: number
  /** Ways between zones that have a limit, bytes a second. */
  links: { from: number; to: number; limit: number }[]
  /** zones × zones: number of the limited link, or -1. */
  linkAt: Int32Array
  moneyLimit: number
  /** Node where each item is now; -1 where it is nowhere, or where only its zone is known and given as such. */
  current: Int32Array
}

export type PairRule = { a: number; b: number } & (
  | { kind: 'near'; maxRttMs: number }
  | { kind: 'apart' }
  | { kind: 'with' }
)

export interface CompiledEdge {
  /** -1: outside. */
  from: number
  to: number
  /** Zone of the broker; -1: what carries for the producer's. */
  broker: number
  bytesPerSecond: number
  /** GiB an hour × weight: times a price it is money an hour. */
  gib: number
  paths: number[]
}

const gib = 2 ** 30

/** @throws Problem where the instance can't be right */
export function compile(instance: Instance): Compiled {
  checkInstance(instance)
  const { zones, nodes, items, links, tariff, goal, budget } = instance
  const zoneIndex = indexOf(zones.map(({ name }) => name))
  const nodeIndex = indexOf(nodes.map(({ name }) => name))
  const itemIndex = indexOf(items.map(({ name }) => name))
  const [n, m, z] = [items.length, nodes.length, zones.length]

  const rtt = new Float64Array(z * z)
  const price = new Float64Array(z * z)
  const limits = new Map<number, number>()
  zones.forEach(({ rttMs }, i) => {
    rtt[i * z + i] = rttMs ?? 0
  })
  // Backwards first: what is given for a direction itself counts more.
  for (const isBack of [true, false])
    for (const link of links) {
      const [a, b] = [zoneIndex.get(link.from)!, zoneIndex.get(link.to)!]
      const at = isBack ? b * z + a : a * z + b
      rtt[at] = link.rttMs
      price[at] = link.pricePerGiB
      if (link.bytesPerSecond === undefined) limits.delete(at)
      else limits.set(at, link.bytesPerSecond)
    }

  const compiled: Compiled = {
    instance,
    items: n,
    nodes: m,
    zones: z,
    zoneOf: Int32Array.from(nodes, ({ zone }) => zoneIndex.get(zone)!),
    cpu: Float64Array.from(items, item => item.hosts * item.cpuMillis),
    memory: Float64Array.from(items, item => item.hosts * item.memoryBytes),
    cpuLimit: Float64Array.from(nodes, node => tariff.headroom * node.cpuMillis),
    memoryLimit: Float64Array.from(nodes, node => tariff.headroom * node.memoryBytes),
    cpuTarget: Float64Array.from(nodes, node => tariff.loadTarget * node.cpuMillis),
    overloadPrice: tariff.overloadPerCore / 1000,
    unaryBroken: new Uint8Array(n * m),
    unaryCost: new Float64Array(n * m),
    money: new Float64Array(n * m),
    moved: new Uint8Array(n * m),
    rtt,
    price,
    carrierOf: Int32Array.from(zones, (_, i) => i),
    pairRules: pairRules(items, itemIndex),
    pairRulesOf: items.map(() => []),
    edges: [],
    edgesOf: items.map(() => []),
    paths: [],
    latencyPrice: goal.latency,
    links: [...limits].map(([at, limit]) => ({ from: Math.floor(at / z), to: at % z, limit })),
    linkAt: new Int32Array(z * z).fill(-1),
    moneyLimit: budget.moneyPerHour ?? Number.POSITIVE_INFINITY,
    current: Int32Array.from(items, ({ current }) => nodeIndex.get(current?.node ?? '') ?? -1),
  }
  compiled.links.forEach(({ from, to }, i) => {
    compiled.linkAt[from * z + to] = i
  })
  compiled.pairRules.forEach(({ a, b }, i) => {
    compiled.pairRulesOf[a]!.push(i)
    compiled.pairRulesOf[b]!.push(i)
  })
  items.forEach((item, i) => {
    const { current } = item
    const isThere = current && (current.node === undefined || nodeIndex.has(current.node))
    nodes.forEach((node, k) => {
      const at = i * m + k
      const share = Math.max(
        compiled.cpu[i]! / Math.max(1, node.cpuMillis),
        compiled.memory[i]! / Math.max(1, node.memoryBytes),
      )
      const isMoved =
        isThere && (current.node === undefined ? current.zone !== node.zone : current.node !== node.name)
      compiled.moved[at] = isMoved ? 1 : 0
      compiled.money[at] = share * node.pricePerHour
      compiled.unaryBroken[at] = unaryBroken(item, node) + (item.keep && isMoved ? 1 : 0)
      const migration = isMoved
        ? tariff.perMove +
          ((item.stateBytes ?? 0) / gib) * price[zoneIndex.get(current.zone)! * z + compiled.zoneOf[k]!]!
        : 0
      compiled.unaryCost[at] =
        goal.cost * compiled.money[at]! +
        tariff.preference * missedPreference(item, node) +
        migration / tariff.horizonHours
    })
  })
  addEdges(compiled, itemIndex, zoneIndex, nodeIndex)
  return compiled
}

function addEdges(
  compiled: Compiled,
  itemIndex: Map<string, number>,
  zoneIndex: Map<string, number>,
  nodeIndex: Map<string, number>,
) {
  const { instance } = compiled
  const brokers = new Map(
    instance.brokers.map(({ name, place }) => [
      name,
      'zone' in place ? zoneIndex.get(place.zone)! : compiled.zoneOf[nodeIndex.get(place.node)!]!,
    ]),
  )
  const { carriers } = instance
  if (carriers)
    compiled.carrierOf = compiled.carrierOf.map(zone =>
      carriers.zones.includes(instance.zones[zone]!.name) ? zone : brokers.get(carriers.otherwise)!,
    )
  const edgeIndex = indexOf(instance.edges.map(({ id }) => id))
  compiled.edges = instance.edges.map(({ from, to, via, bytesPerSecond }) => ({
    from: from === undefined ? -1 : itemIndex.get(from)!,
    to: to === undefined ? -1 : itemIndex.get(to)!,
    broker: via === undefined ? -1 : brokers.get(via)!,
    bytesPerSecond,
    gib: (instance.goal.network * bytesPerSecond * 3600) / gib,
    paths: [],
  }))
  compiled.edges.forEach(({ from, to }, e) => {
    if (from >= 0) compiled.edgesOf[from]!.push(e)
    if (to >= 0 && to !== from) compiled.edgesOf[to]!.push(e)
  })
  instance.paths.forEach((path, p) => {
    let handlersMs = 0
    path.edges.forEach((id, i) => {
      const edge = compiled.edges[edgeIndex.get(id)!]!
      edge.paths.push(p)
      if (i > 0 && edge.from >= 0) handlersMs += instance.items[edge.from]!.handlerMs ?? 0
    })
    compiled.paths.push({ boundMs: path.boundMs - handlersMs })
  })
}

function pairRules(items: Item[], itemIndex: Map<string, number>): PairRule[] {
  return items.flatMap((item, a) => [
    ...(item.near ?? []).map(({ item: other, maxRttMs }) => ({
      kind: 'near' as const,
      a,
      b: itemIndex.get(other)!,
      maxRttMs,
    })),
    ...(item.apart ?? []).map(other => ({ kind: 'apart' as const, a, b: itemIndex.get(other)! })),
    ...(item.with ?? []).map(other => ({ kind: 'with' as const, a, b: itemIndex.get(other)! })),
  ])
}

function unaryBroken({ require, fixed }: Item, node: Node): number {
  const labels = Object.entries(require?.labels ?? {}).filter(([label, wanted]) =>
    wanted === 'exists' ? !(label in node.labels) : node.labels[label] !== wanted,
  )
  return (
    labels.length +
    Number(require?.arch !== undefined && !require.arch.includes(node.arch)) +
    Number(fixed?.zone !== undefined && fixed.zone !== node.zone) +
    Number(fixed?.node !== undefined && fixed.node !== node.name)
  )
}

/** 0 to 1. */
function missedPreference({ prefer = [] }: Item, node: Node): number {
  let [best, got] = [0, 0]
  for (const { zone, weight } of prefer) {
    best = Math.max(best, weight)
    if (zone === node.zone) got = Math.max(got, weight)
  }
  return (best - got) / 100
}

/** @throws TypeError where it names a node that is not there */
export function numbered({ instance }: Compiled, placement: Placement): Int32Array {
  const nodeIndex = indexOf(instance.nodes.map(({ name }) => name))
  return Int32Array.from(instance.items, ({ name }) => {
    const at = nodeIndex.get(placement[name] ?? '')
    if (at === undefined) throw new TypeError(`${name} has no place, or one that is not there`)
    return at
  })
}

export function placementOf({ instance }: Compiled, nodeOf: ArrayLike<number>): Placement {
  return Object.fromEntries(instance.items.map(({ name }, i) => [name, instance.nodes[nodeOf[i]!]!.name]))
}

const indexOf = (names: string[]) => new Map(names.map((name, i) => [name, i]))
