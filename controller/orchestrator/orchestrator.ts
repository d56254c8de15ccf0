import type { DeclaredLink } from '../../schema/declared-link.ts'
import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { Node, Placement } from '../../schema/flow.ts'

export type { DeclaredNode }

/** What one node of the graph needs to run, as of one revision. */
export interface Workload {
  flow: string
  /** Name of the node of the graph. */
  node: string
  kind: Node['kind']
  /** Digest of the code; of the host bundle for sources and sinks, which have none of their own. */
  artifact: string
  /** Folder of the code; absent for sources and sinks. */
  code?: string
  /** Digest of the host bundle. */
  runtime: string
  /** Folder of the host bundle. */
  host: string
  env: Record<string, string>
  secrets: string[]
  replicas: number
  placement: Placement
  /** Names of the nodes that are left for it by what it is to be near to, apart from and with; all when absent. */
  within?: string[]
  resources: { cpuMillis?: number; memoryBytes?: number }
  /** How it meets the world outside of the dataflow, where it does. */
  outside?: Outside
  /** Digest of all that the process runs: another one makes another generation. */
  fingerprint: string
}

/** All of a workload that outlives the disk of a controller, and how many hosts it has. */
export type KeptWorkload = Omit<Workload, 'code' | 'host' | 'replicas' | 'within'>

export interface Outside {
  /** Port on which it takes HTTP. */
  listens?: number
  /** URLs of the brokers and services that it talks to, without path or credentials. */
  reaches?: string[]
}

/** What an orchestrator takes from a workload beside what the fingerprint tells. */
export interface Setting {
  placement: Placement
  outside?: Outside
}

/** One replica of one generation. */
export interface HostSpec {
  workload: Workload
  generation: number
  replica: number
  /** Name of the declared node; empty where the orchestrator chooses. */
  place: string
}

export interface ObservedHost {
  flow: string
  node: string
  generation: number
  replica: number
  fingerprint: string
  /** Digest of the code, and of the host bundle: both are still needed. */
  artifact: string
  runtime: string
  /** Name of the node; empty as long as none is chosen. */
  place: string
  /** Of the process that runs now, or ran last; unique among all ever started, but for what was started again in the same
   *  place after it ended. */
  id: string
  pid?: number
  startedAt?: string
  phase: 'running' | 'backoff' | 'stopping'
  /** Ends in a row that nobody asked for. */
  failures: number
  /** The last of them. */
  lastExit?: { at: string; reason: string; log: string[] }
  /** Memory that it takes, where that is known. */
  residentBytes?: number
  /** It should have ended long ago, and who was to end it can't be reached: it may still work. */
  overdue?: true
  /** What keeps it from running that it can't help: no room for it, a quota, an image that isn't there. */
  obstacle?: string
  /** What it was made with, where another setting needs another process. */
  setting?: Setting
  /** Of a generation that a newer one is to replace: what it was made of. Only then can it go on in place of the newer. */
  workload?: KeptWorkload
}

export type HostChange =
  | { action: 'start'; spec: HostSpec }
  /** `keep`: an older generation, which goes on in its place. */
  | {
      action: 'stop'
      flow: string
      node: string
      generation: number
      replica: number
      reason: string
      keep?: number
    }
  /** Ends the process at once; it is started again. */
  | { action: 'restart'; flow: string; node: string; generation: number; replica: number; reason: string }

/** What a node has, and how it is. */
export interface NodeState {
  name: string
  zone?: string
  arch?: string
  labels: Record<string, string>
  /** Of the whole node; absent where nobody says. */
  capacity?: NodeResources
  /** What hosts may use of it. */
  allocatable?: NodeResources
  /** What all programs of it take, as last measured; absent where nobody says. */
  used?: NodeUse
  /** Why that is absent, or of some time ago, where somebody was asked. */
  unmeasured?: string
  /** As Kubernetes names them: `Ready`, `MemoryPressure`, … */
  conditions: { type: string; status: 'True' | 'False' | 'Unknown' }[]
}

export interface NodeUse extends Required<NodeResources> {
  /** When it was measured, RFC 3339: memory as of then, processor time over `windowMs` before. */
  at: string
  /** Absent where that is not said. */
  windowMs?: number
}

export interface NodeResources {
  /** Thousandths of a core. */
  cpuMillis?: number
  memoryBytes?: number
}

export interface LogLine {
  function: string
  host: string
  time: number
  level: number
  msg: string
  [field: string]: unknown
}

export interface LogOptions {
  follow: boolean
  lines: number
  signal: AbortSignal
}

export interface DeclaredNetwork {
  links: DeclaredLink[]
  /** Of the dataflow's own broker. */
  brokerZone?: string
}

/** Runs hosts somewhere, keeps them running, and knows them again after a restart of the controller. */
export interface Orchestrator {
  /** It chooses nodes itself, by the placement of each workload. */
  readonly schedules?: true
  /** What it can't do of what a workload asks for, in words for people. Absent: it can do all. */
  unheeded?(workload: Pick<Workload, 'placement' | 'resources'>): string[]
  observe(flow: string): Promise<ObservedHost[]>
  /** Flows of which something runs. */
  flows(): Promise<string[]>
  /** Returns once the change is under way and would survive the controller; `observe` tells how it went. */
  apply(change: HostChange, signal: AbortSignal): Promise<void>
  nodes(): Promise<DeclaredNode[]>
  nodeStates(): Promise<NodeState[]>
  /** What programs of each node take, as last measured. Absent where nothing tells. */
  nodeUse?(): Promise<ReadonlyMap<string, NodeUse>>
  /** Takes a node out of use, or gives it back. Absent where others see to it. @throws Problem where there is none */
  drain?(node: string, isDrained: boolean): Promise<void>
  logs(flow: string, node: string | undefined, options: LogOptions): AsyncIterable<LogLine>
  /** What was declared of what lies between zones. */
  readonly network?: DeclaredNetwork
  /** Called with the flow whenever `observe` would say something new. */
  onChange(listener: (flow: string) => void): void
  /** Removes what hosts that are gone left, once it is old. @param isLeaving or younger: nothing of it starts again */
  prune(isLeaving?: boolean): Promise<void>
  /** Lets go of what runs: it keeps running. */
  close(): Promise<void>
}
