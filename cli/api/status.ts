import type { Finding } from '../../schema/finding.ts'

/** The answer of `/api/status`. */
export interface Status {
  dataflows: Dataflow[]
  /** How reading the repository or folder goes. */
  source: { revision: string | null; trouble?: Trouble }
}

export interface Trouble {
  reason: string
  message: string
  hint: string
}

export interface Dataflow {
  name: string
  /** In a cluster: name of the Dataflow that it is run for, and its namespace. */
  resource?: string
  namespace?: string
  /** In a cluster: nobody looks at it. */
  suspended?: true
  /** In a cluster: how reading its repository goes. */
  trouble?: Trouble
  revision: string
  folder: string
  /** Why its newest revision is refused, or a function can't be built. */
  findings: Finding[]
  conditions: Condition[]
  functions: FunctionStatus[]
  /** By reason: reports of telemetry that were not used. */
  telemetryRefused?: Record<string, number>
  /** What is proposed for where it runs. */
  suggestion?: {
    state: 'opened' | 'updated' | 'unchanged' | 'withdrawn' | 'held' | 'failed'
    moves: { function: string; zone: string; node: string }[]
    savesPerHour?: number
    url?: string
    message?: string
  }
  history?: {
    revision: string
    at: string
    result: string
    message: string
    built?: string[]
    applied?: string[]
  }[]
}

export interface Condition {
  type: 'Ready' | 'Reconciling' | 'Stalled' | 'Unheeded' | 'Unreported' | 'Displaced'
  status: 'True' | 'False' | 'Unknown'
  reason: string
  message: string
  hint?: string
  at: string
}

export interface FunctionStatus {
  name: string
  kind: 'source' | 'function' | 'sink'
  artifact: string
  phase: 'Waiting' | 'Building' | 'Starting' | 'Running' | 'Idle' | 'Failed' | 'Stopping'
  message?: string
  /** Absent where no controller tells them; `hostCount` then is how many there were. */
  hosts?: Host[]
  hostCount?: number
  /** Where `scale` leaves a choice. */
  scale?: { min: number; max: number; hosts: number; reason: string; at: string }
  /** Where it runs for now, in place of what its file says. */
  placed?: {
    zone?: string
    node?: string
    by: 'when' | 'move' | 'failure'
    reason: string
    at: string
    /** It could go back, and that does not pay. Money an hour, and once. */
    stays?: { at: string; says: string; costsMore: number; movingCost: number; horizonHours: number }
  }
  /** This and what follows: absent where no controller tells them. */
  recordsIn?: number
  recordsOut?: number
  lag?: number
  deadLetters?: number
  /** Neither replayed nor dropped. */
  unreadDeadLetters?: number
  retries?: number
  /** By a source, because of `overflow`. */
  dropped?: number
}

export interface Host {
  id: string
  /** Where it runs; empty as long as that is not decided. */
  node: string
  /** Of a process of this machine. */
  pid: number | null
  startedAt: string | null
  artifact: string
}
