import { edgesOf } from './edge-figures.ts'
import type { Figure } from './figure.ts'
import { atOf, type TelemetryFile } from './file.ts'
import { functionsOf } from './function-figures.ts'
import { type NodeFigures, nodesOf } from './node-figures.ts'
import { outsideOf } from './outside-figures.ts'
import { roundTripsOf, zonePairsOf } from './round-trips.ts'

/** What placement needs to know of a dataflow, from a file of telemetry. A figure that is absent was never measured. */
export interface Snapshot {
  flow: string
  /** When all this was looked at, ms since the epoch. */
  at: number
  /** The dataflow's own broker, as `mqtt://host:port`. */
  broker: string
  /** Zones with a broker for what is sent from there. */
  zoneBrokers: string[]
  edges: EdgeFigures[]
  outside: OutsideFigures[]
  functions: FunctionFigures[]
  nodes: NodeFigures[]
  /** By node and broker. */
  roundTrips: RoundTripFigures[]
  zonePairs: ZonePairFigures[]
  /** By reason: reports that were not used. */
  refused: Record<string, number>
}

export interface EdgeFigures {
  from: string
  output: string
  to: string
  recordsPerSecond?: Figure
  /** Of the messages that the broker sends to the consumer. */
  bytesPerSecond?: Figure
  /** From the event time of a record, or from when it entered the graph, until the consumer had handled it, ms. */
  latencyMs?: { p50: Figure; p90?: Figure; p99?: Figure }
  /** Between the clocks that the latency was taken with, at most, ms. */
  clockErrorMs?: number
  /** Sent and not finished, on all edges between the two. */
  lagRecords?: Figure
  /** Records whose latency says nothing. */
  ignored: { negative: number; absurd: number; clocks: number }
}

export interface OutsideFigures {
  /** Source or sink. */
  name: string
  way: 'in' | 'out'
  recordsPerSecond?: Figure
  bytesPerSecond?: Figure
}

export interface FunctionFigures extends HostFigures {
  name: string
  kind: 'source' | 'function' | 'sink'
  /** Where its hosts were when this was looked at. */
  hosts: { node: string; zone?: string; hosts: number }[]
  /** The same figures by node: processors differ. */
  byNode: Record<string, HostFigures>
}

/** Of one host. */
export interface HostFigures {
  /** Of processor time, thousandths of a core. */
  cpuMillis?: Figure
  memoryBytes?: Figure
  /** Of state that the broker has for it, about: what travels when it moves. */
  storedBytes?: Figure
  /** Of one call. */
  handlerMs?: Figure
  /** Share of the time in which its event loop had something to do, 0 to 1. */
  busy?: Figure
}

export interface RoundTripFigures {
  node: string
  zone?: string
  broker: string
  rttMs: Figure
}

export interface ZonePairFigures {
  zones: [string, string]
  /** At most: through a broker that both reach. */
  rttMs: Figure
}

/** Pure: the same file, the same snapshot. */
export function snapshotOf(file: TelemetryFile): Snapshot {
  const { header, windows } = file
  const functions = functionsOf(file)
  const roundTrips = roundTripsOf(file)
  const refused: Record<string, number> = {}
  for (const window of windows)
    for (const [reason, count] of Object.entries(window.refused))
      refused[reason] = (refused[reason] ?? 0) + count
  return {
    flow: header.flow,
    at: atOf(header),
    broker: header.broker,
    zoneBrokers: header.zoneBrokers ?? [],
    edges: edgesOf(file, functions, roundTrips),
    outside: outsideOf(file),
    functions,
    nodes: nodesOf(file, functions),
    roundTrips,
    zonePairs: zonePairsOf(roundTrips),
    refused,
  }
}
