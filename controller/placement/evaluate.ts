import type { Edge, Instance, Item, Link, Node, Placement } from './instance.ts'

/** Every term in money an hour, weighted; what they sum up to is `Evaluation.cost`. */
export interface Terms {
  network: number
  latency: number
  overload: number
  node: number
  preference: number
  migration: number
}

/** A rule that a placement breaks. */
export interface Violation {
  /** `ITEM.require.arch`, `ITEM.require.labels.LABEL`, `ITEM.zone`, `ITEM.node`, `ITEM.keep`, `ITEM.near.OTHER`,
   *  `ITEM.apart.OTHER`, `ITEM.with.OTHER`, `node.NODE.cpu`, `node.NODE.memory`, `link.FROM.TO`, `budget.money`,
   *  `budget.moves`. */
  rule: string
  /** 1 for yes or no, else the share over the limit. */
  severity: number
  /** What is the case, for people: `1200 of 900 millicores`. */
  detail: string
}

export interface EdgeCost {
  edge: string
  /** Zone of the producer, of the broker, of the consumer. */
  from?: string
  broker: string
  to?: string
  gibPerHour: number
  /** Money an hour, weighted. */
  cost: number
  /** Half of each round trip, ms. */
  latencyMs: number
}

export interface Evaluation {
  broken: Violation[]
  severity: number
  /** Money an hour. */
  cost: number
  terms: Terms
  edges: EdgeCost[]
  paths: { path: string; latencyMs: number; overMs: number }[]
  /** Names of the items that are not where they were. */
  moves: string[]
}

const gib = 2 ** 30

/**
 * What a placement costs and which rules it breaks, from the instance alone: it shares nothing with the solver, so that
 * each answer of that can be checked by it.
 *
 * @throws TypeError where the placement leaves an item out or names what is not there
 */
export function evaluate(instance: Instance, placement: Placement): Evaluation {
  const { goal, tariff } = instance
  const items = new Map(instance.items.map(item => [item.name, item]))
  const nodes = new Map(instance.nodes.map(node => [node.name, node]))
  const nodeOf = (name: string) => known(nodes, placement[name] ?? '', `the place of ${name}`)
  const broken: Violation[] = []
  const breaks = (rule: string, severity: number, detail: string) => broken.push({ rule, severity, detail })
  const over = (rule: string, used: number, limit: number, unit: string) => {
    if (used > limit + 1e-9 * Math.max(1, limit))
      breaks(rule, (used - limit) / Math.max(limit, 1), `${round(used)} of ${round(limit)} ${unit}`)
  }

  const terms: Terms = { network: 0, latency: 0, overload: 0, node: 0, preference: 0, migration: 0 }
  const moves: string[] = []
  for (const item of instance.items) {
    const node = nodeOf(item.name)
    const { current } = item
    const isThere = current && (current.node === undefined || nodes.has(current.node))
    const isMoved =
      isThere && (current.node === undefined ? current.zone !== node.zone : current.node !== node.name)
    if (item.keep && isMoved) breaks(`${item.name}.keep`, 1, `moved to ${node.name}`)
    for (const [rule, detail] of ownRules(item, node)) breaks(rule, 1, detail)
    for (const { item: other, maxRttMs } of item.near ?? []) {
      const { rttMs } = linkOf(instance, node.zone, nodeOf(other).zone)
      if (rttMs > maxRttMs)
        breaks(
          `${item.name}.near.${other}`,
          (rttMs - maxRttMs) / Math.max(maxRttMs, 1),
          `${rttMs} of ${maxRttMs} ms`,
        )
    }
    for (const other of item.apart ?? [])
      if (nodeOf(other) === node) breaks(`${item.name}.apart.${other}`, 1, `both on ${node.name}`)
    for (const other of item.with ?? [])
      if (nodeOf(other) !== node)
        breaks(`${item.name}.with.${other}`, 1, `${node.name} and ${nodeOf(other).name}`)

    terms.node += goal.cost * nodeCost(item, node)
    const best = Math.max(0, ...(item.prefer ?? []).map(({ weight }) => weight))
    const got = Math.max(0, ...(item.prefer ?? []).filter(p => p.zone === node.zone).map(p => p.weight))
    terms.preference += (tariff.preference * (best - got)) / 100
    if (isMoved) {
      moves.push(item.name)
      const way = linkOf(instance, current.zone, node.zone)
      const money = tariff.perMove + ((item.stateBytes ?? 0) / gib) * way.pricePerGiB
      terms.migration += money / tariff.horizonHours
    }
  }

  for (const node of instance.nodes) {
    const here = instance.items.filter(item => placement[item.name] === node.name)
    const cpu = sum(here.map(item => item.hosts * item.cpuMillis))
    const memory = sum(here.map(item => item.hosts * item.memoryBytes))
    over(`node.${node.name}.cpu`, cpu, tariff.headroom * node.cpuMillis, 'millicores')
    over(`node.${node.name}.memory`, memory, tariff.headroom * node.memoryBytes, 'bytes')
    terms.overload += (tariff.overloadPerCore * Math.max(0, cpu - tariff.loadTarget * node.cpuMillis)) / 1000
  }

  const edges = instance.edges.map(edge => edgeCost(instance, edge, nodes, nodeOf))
  terms.network = sum(edges.map(({ cost }) => cost))
  for (const link of instance.links)
    for (const [from, to] of directions(instance, link)) {
      const bytes = sum(instance.edges.map((edge, i) => edge.bytesPerSecond * hops(edges[i]!, from, to)))
      if (link.bytesPerSecond !== undefined)
        over(`link.${from}.${to}`, bytes, link.bytesPerSecond, 'bytes a second')
    }

  const numbers = new Map(instance.edges.map(({ id }, i) => [id, i]))
  const paths = instance.paths.map(path => {
    const own = path.edges.map(id => edges[numbers.get(id)!]!)
    const through = path.edges.slice(1).map(id => instance.edges[numbers.get(id)!]!.from)
    const handlers = through.map(name => (name === undefined ? 0 : (items.get(name)!.handlerMs ?? 0)))
    const latencyMs = sum(own.map(edge => edge.latencyMs)) + sum(handlers)
    return { path: path.id, latencyMs, overMs: Math.max(0, latencyMs - path.boundMs) }
  })
  terms.latency = goal.latency * sum(paths.map(({ overMs }) => overMs))

  const { moneyPerHour, moves: mostMoves } = instance.budget
  const money = sum(instance.items.map(item => nodeCost(item, nodeOf(item.name))))
  if (moneyPerHour !== undefined) over('budget.money', money, moneyPerHour, 'an hour')
  if (mostMoves !== undefined) over('budget.moves', moves.length, mostMoves, 'moves')
  const severity = sum(broken.map(violation => violation.severity))
  return { broken, severity, cost: sum(Object.values(terms)), terms, edges, paths, moves }
}

function* ownRules(item: Item, node: Node): Generator<[rule: string, detail: string]> {
  const { require, fixed, name } = item
  if (require?.arch && !require.arch.includes(node.arch))
    yield [`${name}.require.arch`, `${node.name} is ${node.arch}`]
  for (const [label, wanted] of Object.entries(require?.labels ?? {})) {
    const value = node.labels[label]
    if (wanted === 'exists' ? value === undefined : value !== wanted)
      yield [`${name}.require.labels.${label}`, `${node.name} has ${value ?? 'none'}`]
  }
  if (fixed?.zone !== undefined && fixed.zone !== node.zone) yield [`${name}.zone`, `is in ${node.zone}`]
  if (fixed?.node !== undefined && fixed.node !== node.name) yield [`${name}.node`, `is on ${node.name}`]
}

/** What the item pays for its share of the node, money an hour. */
function nodeCost(item: Item, node: Node): number {
  const share = Math.max(
    (item.hosts * item.cpuMillis) / Math.max(1, node.cpuMillis),
    (item.hosts * item.memoryBytes) / Math.max(1, node.memoryBytes),
  )
  return share * node.pricePerHour
}

function edgeCost(
  instance: Instance,
  edge: Edge,
  nodes: Map<string, Node>,
  nodeOf: (item: string) => Node,
): EdgeCost {
  const from = edge.from === undefined ? undefined : nodeOf(edge.from).zone
  const to = edge.to === undefined ? undefined : nodeOf(edge.to).zone
  const isOwn = !instance.carriers || instance.carriers.zones.includes(from ?? '')
  const via = edge.via ?? (isOwn ? undefined : instance.carriers!.otherwise)
  const broker = via === undefined ? from! : zoneOfBroker(instance, via, nodes)
  const ways = [
    ...(from === undefined ? [] : [linkOf(instance, from, broker)]),
    ...(to === undefined ? [] : [linkOf(instance, broker, to)]),
  ]
  const gibPerHour = (edge.bytesPerSecond * 3600) / gib
  return {
    edge: edge.id,
    ...(from !== undefined && { from }),
    broker,
    ...(to !== undefined && { to }),
    gibPerHour,
    cost: instance.goal.network * gibPerHour * sum(ways.map(way => way.pricePerGiB)),
    latencyMs: sum(ways.map(way => way.rttMs)) / 2,
  }
}

function zoneOfBroker({ brokers }: Instance, name: string, nodes: Map<string, Node>): string {
  const { place } = known(new Map(brokers.map(broker => [broker.name, broker])), name, 'a broker')
  return 'zone' in place ? place.zone : known(nodes, place.node, `the place of broker ${name}`).zone
}

function linkOf(
  { zones, links }: Instance,
  from: string,
  to: string,
): { rttMs: number; pricePerGiB: number } {
  if (from === to) return { rttMs: zones.find(({ name }) => name === from)?.rttMs ?? 0, pricePerGiB: 0 }
  const link =
    links.find(l => l.from === from && l.to === to) ?? links.find(l => l.from === to && l.to === from)
  if (!link) throw new TypeError(`no link from ${from} to ${to}`)
  return link
}

/** The directions that a link stands for. */
function directions({ links }: Instance, { from, to }: Link): [string, string][] {
  const hasOwnBack = links.some(l => l.from === to && l.to === from)
  return hasOwnBack ? [[from, to]] : [[from, to], [to, from]] // biome-ignore format: a pair each
}

/** How often an edge's records take the way. */
function hops(edge: EdgeCost, from: string, to: string): number {
  return (
    Number(edge.from === from && edge.broker === to && from !== to) +
    Number(edge.broker === from && edge.to === to && from !== to)
  )
}

function known<T>(map: Map<string, T>, name: string, what: string): T {
  const value = map.get(name)
  if (value === undefined) throw new TypeError(`${what} is ${name || 'missing'}, which is not there`)
  return value
}

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0)
const round = (value: number) => Math.round(value * 1000) / 1000
