/** A dataflow after loading and checking: every default filled in, durations in ms, sizes in bytes. */
export interface Flow {
  name: string
  /** Topological order: a node comes after everything it reads from. */
  nodes: Node[]
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
  /** Names of nodes of the graph. */
  apart?: string[]
  zone?: string
  node?: string
}
