import type { Stream } from '../schema/wiring.ts'

/** What a host runs for one partition: a function's or a sink's partition, or a source. */
export interface Unit {
  /** Takes the session over. @throws when the broker refuses */
  start(): Promise<void>
  /** Revision of the wiring in effect; 0 while it is starting. */
  readonly revision: number
  /** By consumer: records sent and not finished there. */
  readonly backlog: Record<string, number>
  /** Of state in the broker, about. */
  readonly storedBytes: number
  /** Consumers that it waits for. */
  readonly waitingFor: string[]
  /** In effect here. */
  readonly streams: Stream[]
  /** A consumer's partition has come further. */
  credit(consumer: string, partition: string): void
  /** Takes nothing more in, finishes what is under way, and lets go of the session. */
  drain(timeoutMs: number): Promise<void>
}
