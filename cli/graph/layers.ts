import { type Edge, labelOf, type Picture } from './picture.ts'

/** One place in the drawing: a node, or the point where a long edge passes a layer. */
export interface Place {
  /** Absent where an edge only passes. */
  node?: Picture['nodes'][number]
  layer: number
  /** From the top, in rows; neighbours are at least one apart. */
  row: number
  next: { to: Place; label: string }[]
  before: Place[]
}

/** A layered drawing (Sugiyama): long edges are cut at each layer, layers ordered by the mean of their
 *  neighbours, rows as straight as the order allows. Shape: layers from left to right, each from top to bottom. */
export function layersOf(picture: Picture): Place[][] {
  const layerOf = depths(picture)
  const places = new Map(
    picture.nodes.map(node => [
      node.name,
      { node, layer: layerOf.get(node.name)!, row: 0, next: [], before: [] } as Place,
    ]),
  )
  const all = [...places.values()]
  for (const [, edges] of Map.groupBy(picture.edges, edge => `${edge.from} ${edge.output}`)) {
    all.push(...connect(edges, places))
  }
  const byLayer = Map.groupBy(all, place => place.layer)
  const layers = [...byLayer.keys()].sort((a, b) => a - b).map(layer => byLayer.get(layer)!)
  order(layers)
  straighten(layers)
  return layers
}

/** As far right as the consumers let a node be, so that sources stand beside what reads them. */
function depths({ nodes, edges }: Picture): Map<string, number> {
  const depth = new Map<string, number>()
  for (const { name } of nodes) {
    const before = edges.filter(edge => edge.to === name).map(edge => (depth.get(edge.from) ?? 0) + 1)
    depth.set(name, Math.max(0, ...before))
  }
  for (const { name, kind } of nodes.toReversed()) {
    if (kind !== 'source') continue
    const after = edges.filter(edge => edge.from === name).map(edge => depth.get(edge.to)! - 1)
    if (after.length > 0) depth.set(name, Math.min(...after))
  }
  return depth
}

/** Joins one output to its consumers; what goes further than one layer shares its points on the way. */
function connect(edges: Edge[], places: Map<string, Place>): Place[] {
  const points: Place[] = []
  const from = places.get(edges[0]!.from)!
  for (const edge of edges) {
    const to = places.get(edge.to)!
    let at = from
    let label = labelOf(edge)
    for (let layer = from.layer + 1; layer < to.layer; layer++) {
      let point = points[layer - from.layer - 1]
      if (!point) {
        point = { layer, row: 0, next: [], before: [] }
        points.push(point)
        join(at, point, label)
      }
      at = point
      label = ''
    }
    join(at, to, label)
  }
  return points
}

function join(from: Place, to: Place, label: string) {
  from.next.push({ to, label })
  to.before.push(from)
}

const SWEEPS = 8

/** Sweeps to and fro, and keeps the order with the fewest crossings that it saw. */
function order(layers: Place[][]) {
  for (const layer of layers) number(layer)
  let best = { crossings: crossings(layers), rows: rowsOf(layers) }
  for (let sweep = 0; sweep < SWEEPS && best.crossings > 0; sweep++) {
    const forward = sweep % 2 === 0
    for (const layer of forward ? layers : layers.toReversed()) {
      const wish = new Map(layer.map(place => [place, mean(neighbours(place, forward)) ?? place.row]))
      layer.sort((a, b) => wish.get(a)! - wish.get(b)!)
      number(layer)
    }
    const now = crossings(layers)
    if (now < best.crossings) best = { crossings: now, rows: rowsOf(layers) }
  }
  for (const [place, row] of best.rows) place.row = row
  for (const layer of layers) layer.sort((a, b) => a.row - b.row)
}

const rowsOf = (layers: Place[][]) => new Map(layers.flat().map(place => [place, place.row]))

function crossings(layers: Place[][]): number {
  let count = 0
  for (const layer of layers) {
    const lines = layer.flatMap(place => place.next.map(({ to }) => [place.row, to.row] as const))
    for (const [from, to] of lines) count += lines.filter(other => from < other[0] && to > other[1]).length
  }
  return count
}

const number = (layer: Place[]) =>
  layer.forEach((place, row) => {
    place.row = row
  })

const neighbours = (place: Place, before: boolean) =>
  (before ? place.before : place.next.map(next => next.to)).map(other => other.row)

const mean = (numbers: number[]) =>
  numbers.length === 0 ? undefined : numbers.reduce((sum, n) => sum + n, 0) / numbers.length

/** Gives rows that follow the neighbours as closely as the order and the distance of one allow. */
function straighten(layers: Place[][]) {
  for (const forward of [true, false, true]) {
    for (const layer of forward ? layers : layers.toReversed()) {
      const rows = apart(layer.map(place => mean(neighbours(place, forward)) ?? place.row))
      layer.forEach((place, index) => {
        place.row = rows[index]!
      })
    }
  }
  const top = Math.min(...layers.flat().map(place => place.row))
  for (const place of layers.flat()) place.row -= top
}

/** The whole numbers nearest to the wishes that keep order and a distance of one (pool adjacent violators). */
function apart(wishes: number[]): number[] {
  const pools: { sum: number; count: number }[] = []
  wishes.forEach((wish, index) => {
    pools.push({ sum: wish - index, count: 1 })
    while (pools.length > 1) {
      const [a, b] = pools.slice(-2) as [(typeof pools)[0], (typeof pools)[0]]
      if (a.sum / a.count <= b.sum / b.count) break
      pools.splice(-2, 2, { sum: a.sum + b.sum, count: a.count + b.count })
    }
  })
  const flat = pools.flatMap(({ sum, count }) => Array<number>(count).fill(Math.round(sum / count)))
  return flat.map((base, index) => base + index)
}
