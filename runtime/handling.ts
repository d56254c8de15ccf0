import type { Retry } from '../schema/flow.ts'
import type { RecordInfo } from './context.ts'
import type { CursorDocument } from './cursor.ts'
import type { DeadLetter, Failure } from './dead-letter.ts'
import type { Inflight } from './inflight.ts'
import type { Arrival } from './intake.ts'
import { type Call, Invoker, type InvokerOptions, type Outcome } from './invoke.ts'
import { wrongKey } from './key.ts'
import type { Letters } from './letters.ts'
import type { Outbox } from './outbox.ts'
import { compareSeq, sourceOf } from './record-id.ts'
import { following, type State, type StateChange } from './state.ts'

/** A record on its way through a partition. */
export interface Entry extends Arrival {
  inflight: Inflight
  /** Its origin once it has come through this partition's lane. */
  origin: string
  /** Its id as users see it. */
  id: string
}

interface HandlingOptions {
  cursor: CursorDocument
  state: State
  letters: Letters
  outbox: Outbox
  invoker: Omit<InvokerOptions, 'retry'>
  /** A dead letter has been taken over by the broker. */
  onLetter(): void
}

/** What the handler is to be called with. */
interface Manner {
  key?: string
  concurrency: number
  retry: Retry
}

/** Hosts that a record may kill before it is put aside. */
const maxDeaths = 2

/** What happens to one record: refused, or given to the user's function with the state of its key; then its
 *  outputs leave, or it becomes a dead letter. */
export class Handling {
  #options: HandlingOptions
  #manner: Manner
  #invoker: Invoker

  constructor(options: HandlingOptions, manner: Manner) {
    this.#options = options
    this.#manner = manner
    this.#invoker = new Invoker({ ...options.invoker, retry: manner.retry })
  }

  /** The stored state already has what this record did to it, so its outputs have left as well. */
  isIncluded({ record, origin }: Entry): boolean {
    const last = this.#options.state.included(record.key ?? '', origin)
    return last !== undefined && compareSeq(record.seq, last) <= 0
  }

  /** @param guarded stop a call that blocks the event loop, too */
  call(entry: Entry, guarded: boolean): Outcome | Promise<Outcome> {
    if (this.#isOver(entry)) return { outputs: [] }
    const failure = this.#refusal(entry)
    return failure ? { failure } : this.#invoker.call(this.#callOf(entry, guarded))
  }

  /** Sends what the call gave; `inflight.outputs` counts down as the broker takes it over. */
  settle(entry: Entry, outcome: Outcome) {
    if ('failure' in outcome) return this.#bury(entry, outcome.failure)
    const { origin, record, inflight } = entry
    const { seq, key, time } = record
    this.#options.outbox.send(
      outcome.outputs,
      { origin, seq, time, ...(key !== undefined && { key }) },
      inflight,
    )
  }

  /** A timer that was set anew, or cleared, by a record that came before it. */
  #isOver({ timer, replayOf, record }: Entry) {
    return (
      timer !== undefined && replayOf === undefined && this.#options.state.timer(record.key ?? '') !== timer
    )
  }

  #refusal({ id, record, timer }: Entry): Failure | undefined {
    const deaths = this.#options.cursor.suspects?.[id] ?? 0
    if (deaths >= maxDeaths) {
      const message = `the host died ${deaths} times while it handled this record`
      return { reason: 'crashed', message, attempts: deaths }
    }
    const keyless = this.#manner.key === undefined || timer !== undefined
    const message = keyless ? undefined : wrongKey(record.key, this.#manner.key!)
    return message === undefined ? undefined : { reason: 'no-key', message, attempts: 0 }
  }

  #callOf(entry: Entry, guarded: boolean): Call {
    const { state } = this.#options
    const { key, value } = entry.record
    return {
      value,
      guarded,
      record: this.#infoOf(entry),
      state: {
        shared: key === undefined && this.#manner.concurrency > 1,
        read: () => state.read(key ?? ''),
        write: change => this.#change(entry, change),
      },
    }
  }

  #infoOf({ record, origin, id, replayOf, from, timer }: Entry): RecordInfo {
    const { key, time, topic } = record
    return {
      id: replayOf ?? id,
      time,
      source: sourceOf(origin),
      ...(key !== undefined && { key }),
      ...(topic !== undefined && { topic }),
      ...(from !== undefined && { from }),
      ...(timer !== undefined && { timer: true as const }),
      ...(replayOf !== undefined && { replay: true as const }),
    }
  }

  #change({ inflight, record, origin }: Entry, change: StateChange) {
    const snapshot = this.#options.state.write(record.key ?? '', change, origin, record.seq)
    if (snapshot) inflight.states.set(snapshot.key, following(inflight.states.get(snapshot.key), snapshot))
  }

  #bury(entry: Entry, failure: Failure) {
    const { inflight, record, origin, id, replayOf, from, timer } = entry
    if (timer !== undefined && replayOf === undefined) this.#change(entry, { timer: { at: undefined } })
    const { letters, onLetter } = this.#options
    const { key, time, topic, value } = record
    const letter: DeadLetter['record'] = {
      id: replayOf ?? id,
      ...(key !== undefined && { key }),
      time,
      source: sourceOf(origin),
      value,
      ...(topic !== undefined && { topic }),
      ...(from !== undefined && { from }),
      ...(timer !== undefined && { timer }),
    }
    inflight.outputs += 1
    inflight.letters += 1
    letters.write(letter, failure).then(
      () => {
        inflight.outputs -= 1
        onLetter()
      },
      () => {}, // the connection is gone: the successor writes it again
    )
  }
}
