import type { LatencyBins } from '../../runtime/latencies.ts'
import { type Figure, inferred, Span } from './figure.ts'
import { atOf, type TelemetryFile } from './file.ts'
import { Gathered } from './gathered.ts'
import { countIn, mergeBins, quantilesOf } from './latency-bins.ts'
import { GatheredRates } from './outside-figures.ts'
import type { EdgeFigures, FunctionFigures, RoundTripFigures } from './snapshot.ts'
import { given } from './window.ts'

/** What each edge carries, and how long its records had been on their way. */
export function edgesOf(
  file: TelemetryFile,
  functions: FunctionFigures[],
  roundTrips: RoundTripFigures[],
): EdgeFigures[] {
  const { graph } = file.header
  const edges = graph.flatMap(({ name: to, from }) =>
    from.map(({ node, output }) => ({ from: node, output, to })),
  )
  const ways = new Ways(file, functions, roundTrips)
  return edges.map(edge => {
    const figures = measured(file, edge)
    const latencyMs = figures.latencyMs ?? ways.to(edge)
    return { ...edge, ...figures, ...given('latencyMs', latencyMs) }
  })
}

type Edge = Pick<EdgeFigures, 'from' | 'output' | 'to'>

function measured(
  { header, windows }: TelemetryFile,
  { from, output, to }: Edge,
): Omit<EdgeFigures, keyof Edge> {
  const input = output === 'default' ? from : `${from}.${output}`
  const at = atOf(header)
  const rates = new GatheredRates(at)
  const lag = new Gathered(at)
  const span = new Span(at)
  const ignored = { negative: 0, absurd: 0, clocks: 0 }
  let latency: LatencyBins | undefined
  let clockErrorMs: number | undefined
  for (const window of windows) {
    const edge = window.edges[to]?.[input]
    if (!edge) continue
    rates.add(window, edge)
    lag.add(window, edge.lagRecords)
    for (const why of ['negative', 'absurd', 'clocks'] as const) ignored[why] += edge.ignored?.[why] ?? 0
    if (!edge.latency) continue
    span.add(window)
    latency = mergeBins(latency, edge.latency)
    clockErrorMs = Math.max(clockErrorMs ?? 0, edge.clockErrorMs ?? 0)
  }
  return {
    ...rates.figures,
    ...given('latencyMs', latency && latencyOf(latency, span)),
    ...given('clockErrorMs', clockErrorMs),
    ...given('lagRecords', lag.figure),
    ignored,
  }
}

function latencyOf(latency: LatencyBins, span: Span): EdgeFigures['latencyMs'] {
  const quantiles = quantilesOf(latency, [0.5, 0.9, 0.99])
  if (!quantiles) return undefined
  const [p50, p90, p99] = quantiles.map(ms => span.figure(ms, countIn(latency))) as [Figure, Figure, Figure]
  return { p50, p90, p99 }
}

/** Where no clocks tell how long records take: half a round trip to the broker at both ends of each edge, and the time in
 *  the functions between. Waiting is not in it. */
class Ways {
  #file: TelemetryFile
  #functions: Map<string, FunctionFigures>
  #roundTrips: RoundTripFigures[]
  #known = new Map<string, Part[] | undefined>()

  constructor(file: TelemetryFile, functions: FunctionFigures[], roundTrips: RoundTripFigures[]) {
    this.#file = file
    this.#functions = new Map(functions.map(each => [each.name, each]))
    this.#roundTrips = roundTrips
  }

  to({ from, to }: Pick<Edge, 'from' | 'to'>): EdgeFigures['latencyMs'] {
    const parts = this.#along(from, to)
    if (!parts) return undefined
    return {
      p50: inferred(
        sum(parts),
        parts.map(({ figure }) => figure),
      ),
    }
  }

  /** The longest way from a source over one edge. @returns undefined when a part of it is unknown */
  #along(from: string, to: string): Part[] | undefined {
    const before = this.#before(from)
    const [out, back, handling] = [this.#trip(from), this.#trip(to), this.#handling(to)]
    if (!before || !out || !back || !handling) return undefined
    return [
      ...before,
      { figure: out, share: 0.5 },
      { figure: back, share: 0.5 },
      { figure: handling, share: 1 },
    ]
  }

  #before(name: string): Part[] | undefined {
    if (!this.#known.has(name)) this.#known.set(name, this.#longestTo(name))
    return this.#known.get(name)
  }

  #longestTo(name: string): Part[] | undefined {
    const { from = [] } = this.#file.header.graph.find(node => node.name === name) ?? {}
    let longest: Part[] = []
    for (const { node } of from) {
      const parts = this.#along(node, name)
      if (!parts) return undefined
      if (sum(parts) > sum(longest)) longest = parts
    }
    return longest
  }

  #handling = (name: string) => this.#functions.get(name)?.handlerMs

  /** To the dataflow's own broker, from where its hosts are. */
  #trip(name: string): Figure | undefined {
    const nodes = this.#functions.get(name)?.hosts.map(({ node }) => node) ?? []
    const { broker } = this.#file.header
    const trips = this.#roundTrips.filter(trip => trip.broker === broker && nodes.includes(trip.node))
    return trips.toSorted((a, b) => b.rttMs.value - a.rttMs.value)[0]?.rttMs
  }
}

interface Part {
  figure: Figure
  /** Of its value. */
  share: number
}

const sum = (parts: Part[]) => parts.reduce((total, { figure, share }) => total + share * figure.value, 0)
