import type { Finding } from '../../schema/finding.ts'

/** The answer of `/api/status`. */
export interface Status {
  dataflows: Dataflow[]
  /** How reading the repository or folder goes. */
  source: { revision: string | null; trouble?: { reason: string; message: string; hint: string } }
}

export interface Dataflow {
  name: string
  revision: string
  folder: string
  /** Why its newest revision is refused, or a function can't be built. */
  findings: Finding[]
  conditions: Condition[]
  functions: FunctionStatus[]
  history?: {
    revision: string
    at: string
    result: string
    message: string
    built: string[]
    applied: string[]
  }[]
}

export interface Condition {
  type: 'Ready' | 'Reconciling' | 'Stalled' | 'Unheeded'
  status: 'True' | 'False'
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
  hosts: { id: string; node: string; pid: number | null; startedAt: string | null; artifact: string }[]
  /** Where `scale` leaves a choice. */
  scale?: { min: number; max: number; hosts: number; reason: string; at: string }
  recordsIn: number
  recordsOut: number
  lag: number
  deadLetters: number
  /** Neither replayed nor dropped. */
  unreadDeadLetters?: number
  retries: number
  /** By a source, because of `overflow`. */
  dropped?: number
}
