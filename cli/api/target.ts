import type { ObservedAnswer } from '../../controller/observed-answer.ts'
import type { Observed } from '../../controller/plan.ts'
import type { LogLine } from '../log-text.ts'
import type { Api } from './api.ts'
import type { Status } from './status.ts'

/** One dataflow, and the controller that runs it. */
export interface Place {
  api: Api
  /** As the controller calls it. */
  flow: string
}

export interface LogsWanted {
  /** Function, source or sink; all when absent. */
  node?: string
  /** The dataflow; the one that there is, or that has the node, when absent. */
  flow?: string
  lines: number
  follow: boolean
}

/** What a dataflow runs on now, for a plan. */
export type Running = Observed &
  Partial<
    Pick<
      ObservedAnswer,
      'secretDigests' | 'scales' | 'artifacts' | 'pins' | 'switches' | 'refuges' | 'brokersDigest'
    >
  >

/** What commands look at. Where a dataflow is named, all throw `Usage` when there is none of that name, or several. */
export interface Target {
  /** @param flow only this one */
  status(flow?: string): Promise<Told>
  /** The dataflow of that name, or the only one there is. */
  place(flow?: string): Promise<Place>
  /** The dataflow that has a node of that name. */
  placeOf(node: string, flow?: string): Promise<Place>
  /** Ends quietly when the signal aborts. */
  logs(wanted: LogsWanted, signal: AbortSignal): AsyncIterable<LogLine>
  /** @param flow by its name in `dataflow.yaml` @returns what a plan for a dataflow that doesn't run starts from, when
   *  it doesn't */
  running(flow: string): Promise<Running>
}

export interface Told {
  status: Status
  notes: Note[]
  /** Something could not be asked; a note says why. */
  isPartial: boolean
}

export interface Note {
  message: string
  hint?: string
}

export const nothingRuns: Running = {
  hosts: [],
  wirings: {},
  presences: [],
  nodes: [],
  sessions: {},
  resting: {},
  ended: {},
  silent: [],
}
