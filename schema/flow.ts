/** A dataflow after loading and checking: every default filled in, durations in ms, sizes in bytes. */
export interface Flow {
  name: string
  /** Topological order: a node comes after everything it reads from. */
  nodes: Node[]
  goal?: Goal
  budget?: Budget
}

/** Weights, of which only the proportion counts; what is absent counts nothing. */
export interface Goal {
  latency?: number
  network?: number
  cost?: number
}

export interface Budget {
  movesPerDay?: number
  /** In the money of the prices. */
  costPerDay?: number
  prices?: Prices
}

/** What a node costs in a day: what `nodes` says of it, else its label, else what `zones` says of its zone. */
export interface Prices {
  nodes?: Record<string, number>
  label?: string
  zones?: Record<string, number>
}

export type Node = SourceNode | FunctionNode | SinkNode

/** One producer that a node reads: a source (output `default`) or a function's named output. */
export interface Input {
  node: string
  output: string
}

export interface SourceNode {
  kind: 'source'
  name: string
  from: []
  spec: SourceSpec
  /** Dotted path of the field that identifies a record: repeats of it are dropped. */
  id?: string
  /** Dotted path of the field that holds the event time. */
  time?: string
  /** What to do when the graph is slower than the source. */
  overflow: 'block' | 'drop-oldest' | 'drop-newest'
  placement: Placement
}

export type SourceSpec =
  | { type: 'mqtt'; filter: string; broker?: string; format: 'json' | 'text' }
  | { type: 'every'; intervalMs: number }
  | { type: 'http'; port: number; path: string }

export interface FunctionNode {
  kind: 'function'
  name: string
  /** Path of the file with the default export, relative to the folder of `dataflow.yaml`. */
  code: string
  from: Input[]
  /** Dotted path of the field whose value is the key. */
  key?: string
  /** `max` is the number of partitions, a power of two. */
  scale: { min: number; max: number }
  /** Records of one partition that may be in the handler at once; never two of one key. */
  concurrency: number
  retry: Retry
  env: Record<string, string>
  /** Names of environment variables whose values the controller's operator holds. */
  secrets: string[]
  resources: { cpuMillis?: number; memoryBytes?: number }
  placement: Placement
}

export interface Retry {
  /** Calls in all, the first included. */
  attempts: number
  backoffMs: number
  timeoutMs: number
  order: 'strict' | 'relaxed'
}

export interface SinkNode {
  kind: 'sink'
  name: string
  from: Input[]
  spec: SinkSpec
  retry: Retry
  placement: Placement
}

export type SinkSpec =
  | { type: 'mqtt'; topic: string; broker?: string; retain: boolean }
  | { type: 'log' }
  | { type: 'http'; url: string; headers: Record<string, string> }
  | { type: 'file'; path: string }

export interface Placement {
  require?: { arch?: string[]; labels?: Record<string, string> }
  prefer?: { zone: string; weight: number }[]
  near?: { function: string; maxRttMs: number }[]
  /** Names of nodes of the graph. It holds for them, too. */
  apart?: string[]
  /** All others of the graph that share its node. All of a set have the same `zone`, `node`, `keep` and `when`. */
  with?: string[]
  zone?: string
  node?: string
  /** It stays where it is. */
  keep?: true
  /** In the order in which they count. */
  when?: Alternative[]
}

/** Where it runs while a condition holds, in place of `zone` and `node`: exactly one of the two. */
export interface Alternative {
  if: Condition
  zone?: string
  node?: string
}

export interface Condition {
  /** As a person says it: `battery < 20%`. */
  text: string
  /** All must hold. */
  parts: ConditionPart[]
}

export type ConditionPart =
  /** A label of nodes, whose value is a number. */
  | ({ type: 'label'; label: string } & Limit)
  /** The round trip between two zones, in ms. */
  | ({ type: 'link'; zones: [string, string] } & Limit)
  /** Minutes of the day from 0; `to`, which may be on the next day, is no part of it. */
  | { type: 'time'; timezone: string; from: number; to: number }

export interface Limit {
  /** Whether the value must be below the limit, or else above. */
  below: boolean
  limit: number
  /** Whether the limit itself will do. */
  inclusive: boolean
}
