/** The answer of `/api/status`. */
export interface Status {
  dataflows: Dataflow[]
}

export interface Dataflow {
  name: string
  revision: string
  source?: string
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
  type: 'Ready' | 'Reconciling' | 'Stalled'
  status: 'True' | 'False'
  reason: string
  message: string
  at: string
}

export interface FunctionStatus {
  name: string
  kind: 'source' | 'function' | 'sink'
  artifact: string
  phase: 'Waiting' | 'Building' | 'Starting' | 'Running' | 'Failed' | 'Stopping'
  message?: string
  hosts: { id: string; node: string; pid: number; startedAt: string; artifact: string }[]
  recordsIn: number
  recordsOut: number
  lag: number
  deadLetters: number
  retries: number
}
