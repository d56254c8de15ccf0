/**
 * One problem of placement: what is to be placed, where it could run, and what each choice costs. Plain data, from
 * telemetry and the YAML or from a file. Money is in the currency of the prices; bytes are bytes, 1 GiB is 2^30 of them.
 */
export interface Instance {
  zones: Zone[]
  nodes: Node[]
  links: Link[]
  brokers: Broker[]
  /** What edges without `via` go by. Absent: each zone has a broker of its own. */
  carriers?: Carriers
  items: Item[]
  edges: Edge[]
  paths: Path[]
  goal: Goal
  tariff: Tariff
  budget: Budget
}

export interface Zone {
  name: string
  /** Round trip between two nodes of the zone, ms. Absent: 0. */
  rttMs?: number
}

export interface Node {
  name: string
  zone: string
  /** Allocatable for this dataflow, thousandths of a core. */
  cpuMillis: number
  /** Allocatable for this dataflow, bytes. */
  memoryBytes: number
  /** As Go and Kubernetes name it: `amd64`, `arm64`, … */
  arch: string
  labels: Record<string, string>
  /** Of the whole node, money. An item pays the larger one of its shares of cores and memory. */
  pricePerHour: number
}

/** The way between two zones; it holds for the way back too unless `links` has another one for that. */
export interface Link {
  from: string
  to: string
  rttMs: number
  /** What fits through, of this dataflow's own traffic. Absent: as much as there is. */
  bytesPerSecond?: number
  /** Money for what is sent from `from` to `to`. */
  pricePerGiB: number
}

export interface Carriers {
  /** Those that have a broker for what is sent from there. */
  zones: string[]
  /** Name of the broker for what is sent from elsewhere. */
  otherwise: string
}

export interface Broker {
  name: string
  /** Where it runs: the name of a zone, or of a node. */
  place: { zone: string } | { node: string }
}

/** What is placed: its hosts all run on the one node that a placement names. */
export interface Item {
  name: string
  kind: 'source' | 'function' | 'sink'
  /** How many hosts it has. */
  hosts: number
  /** Of each host, measured or requested. */
  cpuMillis: number
  /** Of each host, measured or requested. */
  memoryBytes: number
  /** Time a record spends in it, ms. Absent: 0. */
  handlerMs?: number
  require?: {
    /** One of these. */
    arch?: string[]
    /** Value of each label, `exists` for any value. */
    labels?: Record<string, string>
  }
  /** Zones to favour, weights 1 to 100. The best of them that fits counts, not their sum. */
  prefer?: { zone: string; weight: number }[]
  near?: { item: string; maxRttMs: number }[]
  /** Names of items that run on other nodes. */
  apart?: string[]
  /** Names of items that run on the same node. */
  with?: string[]
  /** What a person decided. */
  fixed?: { zone?: string; node?: string }
  /** It stays where it is. */
  keep?: boolean
  /** Where it runs. Absent, or on a node that is gone: nowhere, so that to place it is no move. */
  current?: { zone: string; node?: string }
  /** What has to travel when it moves. Absent: 0. */
  stateBytes?: number
}

/** Records that travel producer → broker → consumer. */
export interface Edge {
  /** Unique, such as `parse→average`. */
  id: string
  /** Absent: others publish to the broker, as with the topic of a source. */
  from?: string
  /** Absent: others read from the broker, as with the topic of a sink. */
  to?: string
  recordsPerSecond: number
  /** With all that the protocol adds, each way. */
  bytesPerSecond: number
  /** Name of the broker. Absent: the one in the zone of the producer, whichever that is, as far as there is one. */
  via?: string
}

/** A way through the graph whose latency counts. */
export interface Path {
  /** Unique. */
  id: string
  /** Ids of edges, in order. Handlers between them count too. */
  edges: string[]
  /** What exceeds it costs. 0 counts every millisecond. */
  boundMs: number
}

/** How much each aim counts. */
export interface Goal {
  /** Money an hour that a millisecond over the bound of a path is worth. */
  latency: number
  /** Factor of what traffic costs: 1 takes the money as it is. */
  network: number
  /** Factor of what nodes cost: 1 takes the money as it is. */
  cost: number
}

/** What is worth how much, beside the goal. */
export interface Tariff {
  /** Share of a node that may be given away at all, 0 to 1: more breaks a rule. */
  headroom: number
  /** Share of a node's cores from where on it counts as overloaded, 0 to 1. */
  loadTarget: number
  /** Money an hour for each core over `loadTarget`. */
  overloadPerCore: number
  /** Money an hour for a missed preference of weight 100. */
  preference: number
  /** Money for each move, whatever its state. */
  perMove: number
  /** Over how long a move has to pay: its cost an hour is the money for it, divided by this. */
  horizonHours: number
}

export const defaultTariff: Tariff = {
  headroom: 0.9,
  loadTarget: 0.7,
  overloadPerCore: 0.5,
  preference: 0.05,
  perMove: 0.02,
  horizonHours: 24,
}

export interface Budget {
  /** Absent: any number. An item that has no place yet does not count. */
  moves?: number
  /** What nodes may cost together, by share, money an hour. Absent: anything. */
  moneyPerHour?: number
}

/** Name of the node of each item. */
export type Placement = Record<string, string>
