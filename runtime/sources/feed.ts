import type { RoundTrip } from '../transport.ts'

/** Where a source's records come from. */
export interface Feed {
  /** Begins to call `emit`. @throws when the place cannot be read: no rights, port taken */
  start(emit: Emit): Promise<void>
  /** The graph is full: stop if you can. What is emitted all the same is held or dropped, as `overflow` says. */
  pause(): void
  resume(): void
  /** To a broker of its own; undefined where it is not connected. */
  roundTrip?(): Promise<RoundTrip | undefined>
  /** Reads by another filter through the same session; paused, not before it is resumed. Absent: it has none.
   *  @param left filters to read no more */
  turn?(filter: string, left: string[]): Promise<void>
  /** Resolves once what waits under these filters has come, as far as can be told; with `false` where it went on and on.
   *  Never, if it is asked again, or stopped. */
  readUp?(filters: string[]): Promise<boolean>
  /** What keeps it from bringing any, for people. */
  readonly waitingFor?: string[]
  stop(): Promise<void>
}

export interface Arrived {
  /** What came, still to be parsed; or a value of our own. */
  payload?: Buffer
  value?: unknown
  topic?: string
  /** Event time, ms since the epoch; now where absent. */
  time?: number
  /** It waits in memory alone: whoever sent it need not keep it. Once, and in the order of arrival. */
  kept?(): void
  /** It has had its effect, or was dropped; or it is left to who comes next, as if it had not come. In the order of arrival,
   *  but for what was `kept`, is dropped or left. */
  done(result: 'sent' | 'dropped' | 'rejected' | 'left'): void
}

export type Emit = (arrived: Arrived) => void
