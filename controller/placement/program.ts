import type { Compiled, CompiledEdge } from './compiled.ts'
import { type LinearProgram, ProgramBuilder } from './linear-program.ts'
import { type PairTerm, pairTermsOf } from './pair-terms.ts'
import type { Sites } from './sites.ts'

/** A program whose least cost is a bound, and how to read a placement from an answer. */
export interface PlacementProgram {
  program: LinearProgram
  /** By item: its sites, and their columns. */
  choices: { site: number; column: number }[][]
}

type Terms = [column: number, value: number][]

/**
 * The placements that break no rule as a mixed-integer program: a whole number for each item and site, and for each pair
 * of zones how much of an edge goes between them, which is whole by itself.
 *
 * @param openSites items × sites, 1 for what may be used @returns undefined where it has more than `maxEntries`
 */
export function programOf(
  model: Compiled,
  sites: Sites,
  openSites: ArrayLike<number>,
  { maxMoves = Number.POSITIVE_INFINITY, maxEntries = Number.POSITIVE_INFINITY } = {},
): PlacementProgram | undefined {
  const builder = new ProgramBuilder()
  const { items } = model
  const s = sites.count
  const choices: PlacementProgram['choices'] = Array.from({ length: items }, () => [])
  for (let i = 0; i < items; i++) {
    for (let site = 0; site < s; site++)
      if (openSites[i * s + site])
        choices[i]!.push({ site, column: builder.column(sites.cost[i * s + site]!, 1, true) })
    builder.row(
      1,
      choices[i]!.map(({ column }) => [column, 1]),
      1,
    )
  }
  const shape: Shape = { builder, model, sites, choices, links: model.links.map(() => []), paths: [] }
  shape.paths = model.paths.map(() => [])
  addCapacity(shape)
  for (const edge of model.edges) addFixedEdge(shape, edge)
  for (const term of pairTermsOf(model)) {
    if (term.edges.length > 0) addPair(shape, term)
    else addForbidden(shape, term)
    if (builder.size > maxEntries) return undefined
  }
  addRules(shape)
  model.links.forEach(({ limit }, l) => {
    builder.row(Number.NEGATIVE_INFINITY, scaled(shape.links[l]!, limit), share(limit))
  })
  model.paths.forEach(({ boundMs }, p) => {
    const over = builder.column(model.latencyPrice, Number.POSITIVE_INFINITY)
    builder.row(Number.NEGATIVE_INFINITY, [...shape.paths[p]!, [over, -1]], boundMs)
  })
  const sum = (table: ArrayLike<number>): Terms =>
    choices.flatMap((own, i) =>
      own.map(({ site, column }): [number, number] => [column, table[i * s + site]!]),
    )
  if (Number.isFinite(model.moneyLimit))
    builder.row(Number.NEGATIVE_INFINITY, sum(sites.money), model.moneyLimit)
  if (Number.isFinite(maxMoves)) builder.row(Number.NEGATIVE_INFINITY, sum(sites.moved), maxMoves)
  return builder.size > maxEntries ? undefined : { program: builder.build(), choices }
}

interface Shape {
  builder: ProgramBuilder
  model: Compiled
  sites: Sites
  choices: PlacementProgram['choices']
  /** Bytes a second on each limited link. */
  links: Terms[]
  /** Milliseconds of each path. */
  paths: Terms[]
}

function addCapacity({ builder, model, sites, choices }: Shape) {
  for (let site = 0; site < sites.count; site++) {
    const use = (need: Float64Array): Terms =>
      choices.flatMap((own, i) =>
        own.filter(one => one.site === site).map(({ column }): [number, number] => [column, need[i]!]),
      )
    const [cpu, memory] = [use(model.cpu), use(model.memory)]
    if (cpu.length === 0) continue
    const [cpuLimit, memoryLimit] = [sites.cpuLimit[site]!, sites.memoryLimit[site]!]
    builder.row(Number.NEGATIVE_INFINITY, scaled(cpu, cpuLimit), share(cpuLimit))
    builder.row(Number.NEGATIVE_INFINITY, scaled(memory, memoryLimit), share(memoryLimit))
    if (model.overloadPrice === 0) continue
    const target = sites.cpuTarget[site]!
    const over = builder.column(model.overloadPrice * Math.max(1, target), Number.POSITIVE_INFINITY)
    builder.row(Number.NEGATIVE_INFINITY, [...scaled(cpu, target), [over, -1]], share(target))
  }
}

function addFixedEdge(shape: Shape, edge: CompiledEdge) {
  const { from, to, broker } = edge
  if (broker < 0) return
  for (const [item, isProducer] of [
    [from, true],
    [to, false],
  ] as const)
    for (const { site, column } of shape.choices[item] ?? []) {
      const zone = shape.sites.zoneOf[site]!
      addWay(shape, edge, column, isProducer ? zone : broker, isProducer ? broker : zone)
    }
}

/** Adds what an edge's way from a zone to another costs, where the column is 1. */
function addWay(
  { builder, model, links, paths }: Shape,
  edge: CompiledEdge,
  column: number,
  a: number,
  b: number,
) {
  const at = a * model.zones + b
  builder.addCost(column, edge.gib * model.price[at]!)
  for (const p of edge.paths) paths[p]!.push([column, model.rtt[at]! / 2])
  const link = a === b ? -1 : model.linkAt[at]!
  if (link >= 0) links[link]!.push([column, edge.bytesPerSecond])
}

/** Columns for each pair of zones, tied to the sites of both items. */
function addPair(shape: Shape, term: PairTerm) {
  const { builder, model } = shape
  const [rows, columns] = [byZone(shape, term.a), byZone(shape, term.b)]
  const flows = [...rows.keys()].map(x =>
    [...columns.keys()].map(y => {
      if (term.forbidden?.[x * model.zones + y]) return -1
      const flow = builder.column(0, 1)
      for (const e of term.edges) {
        const edge = model.edges[e]!
        const [from, to] = edge.from === term.a ? [x, y] : [y, x]
        const carrier = model.carrierOf[from]!
        addWay(shape, edge, flow, from, carrier)
        addWay(shape, edge, flow, carrier, to)
      }
      return flow
    }),
  )
  const tie = (own: Terms, all: number[]) =>
    builder.row(
      0,
      [
        ...all.filter(flow => flow >= 0).map((flow): [number, number] => [flow, 1]),
        ...own.map(([column]): [number, number] => [column, -1]),
      ],
      0,
    )
  ;[...rows.values()].forEach((own, r) => {
    tie(own, flows[r]!)
  })
  ;[...columns.values()].forEach((own, c) => {
    tie(
      own,
      flows.map(row => row[c]!),
    )
  })
}

function byZone({ sites, choices }: Shape, item: number): Map<number, Terms> {
  const zones = new Map<number, Terms>()
  for (const { site, column } of choices[item]!) {
    const zone = sites.zoneOf[site]!
    zones.set(zone, [...(zones.get(zone) ?? []), [column, 1]])
  }
  return zones
}

/** Who is in a zone needs the other in one of those that are allowed with it. */
function addForbidden(shape: Shape, { a, b, forbidden }: PairTerm) {
  const { zones } = shape.model
  const others = byZone(shape, b)
  for (const [x, own] of byZone(shape, a)) {
    const allowed = [...others].filter(([y]) => !forbidden![x * zones + y]).flatMap(([, terms]) => terms)
    const entries: Terms = [...own, ...allowed.map(([column]): [number, number] => [column, -1])]
    shape.builder.row(Number.NEGATIVE_INFINITY, entries, 0)
  }
}

function addRules({ builder, model, sites, choices }: Shape) {
  for (const rule of model.pairRules) {
    if (rule.kind === 'near') continue
    for (let site = 0; site < sites.count; site++) {
      const [a, b] = [rule.a, rule.b].map(i => choices[i]!.find(one => one.site === site)?.column)
      const terms = (sign: number): Terms => [
        ...(a === undefined ? [] : [[a, 1] as [number, number]]),
        ...(b === undefined ? [] : [[b, sign] as [number, number]]),
      ]
      if (rule.kind === 'with') builder.row(0, terms(-1), 0)
      else if (sites.nodes[site]!.length === 1) builder.row(Number.NEGATIVE_INFINITY, terms(1), 1)
    }
  }
}

/** In shares of the limit, so that millicores and bytes have coefficients alike. */
const scaled = (terms: Terms, limit: number): Terms =>
  terms.map(([column, value]) => [column, value / Math.max(1, limit)])

const share = (limit: number) => limit / Math.max(1, limit)
