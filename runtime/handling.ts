import type { Retry } from '../schema/flow.ts'
import type { RecordInfo } from './context.ts'
import type { CursorDocument } from './cursor.ts'
import type { DeadLetter, Failure } from './dead-letter.ts'
import type { EdgeRecord } from './frame.ts'
import type { Inflight } from './inflight.ts'
import { type Call, Invoker, type InvokerOptions, type Outcome } from './invoke.ts'
import { wrongKey } from './key.ts'
import type { Letters } from './letters.ts'
import type { Outbox } from './outbox.ts'
import { compareSeq, printId, sourceOf } from './record-id.ts'
import type { State } from './state.ts'

/** A record on its way through a partition. */
export interface Entry {
  record: EdgeRecord
  inflight: Inflight
  /** Its origin once it has come through this partition's lane. */
  origin: string
  /** The id that a replayed record had at first. */
  replayOf: string | undefined
}

/** Its id as users see it. */
export const idOf = ({ origin, record }: Entry) => printId({ origin, seq: record.seq })

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
    const failure = this.#refusal(entry)
    if (failure) return { failure }
    const shared = entry.record.key === undefined && this.#manner.concurrency > 1
    return this.#invoker.call(new RecordCall(entry, this.#options.state, shared, guarded))
  }

  /** Sends what the call gave; `inflight.outputs` counts down as the broker takes it over. */
  settle(entry: Entry, outcome: Outcome) {
    if ('failure' in outcome) return this.#bury(entry, outcome.failure)
    const { origin, record, inflight } = entry
    const { outputs } = outcome
    if (outputs.length === 0) return
    const { seq, key, time } = record
    this.#options.outbox.send(outputs, { origin, seq, time, key }, inflight)
  }

  #refusal(entry: Entry): Failure | undefined {
    const { record } = entry
    const { suspects } = this.#options.cursor
    const deaths = suspects === undefined ? 0 : (suspects[idOf(entry)] ?? 0)
    if (deaths >= maxDeaths) {
      const message = `the host died ${deaths} times while it handled this record`
      return { reason: 'crashed', message, attempts: deaths }
    }
    const message = this.#manner.key === undefined ? undefined : wrongKey(record.key, this.#manner.key)
    return message === undefined ? undefined : { reason: 'no-key', message, attempts: 0 }
  }

  #bury(entry: Entry, failure: Failure) {
    const { inflight, record, origin, replayOf } = entry
    const { letters, onLetter } = this.#options
    const { key, time, topic, value } = record
    const letter: DeadLetter['record'] = {
      id: replayOf ?? idOf(entry),
      ...(key !== undefined && { key }),
      time,
      source: sourceOf(origin),
      value,
      ...(topic !== undefined && { topic }),
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

/** What the handler is called with for one record; most of it is made only when the handler asks for it. */
class RecordCall implements Call {
  readonly value: unknown
  readonly shared: boolean
  readonly guarded: boolean
  #entry: Entry
  #state: State

  constructor(entry: Entry, state: State, shared: boolean, guarded: boolean) {
    this.value = entry.record.value
    this.shared = shared
    this.guarded = guarded
    this.#entry = entry
    this.#state = state
  }

  info(): RecordInfo {
    const { record, origin, replayOf } = this.#entry
    const { key, time, topic } = record
    return {
      id: replayOf ?? idOf(this.#entry),
      time,
      source: sourceOf(origin),
      ...(key !== undefined && { key }),
      ...(topic !== undefined && { topic }),
      ...(replayOf !== undefined && { replay: true as const }),
    }
  }

  read(): unknown {
    return this.#state.read(this.#entry.record.key ?? '')
  }

  write(value: unknown) {
    const { inflight, record, origin } = this.#entry
    const snapshot = this.#state.write(record.key ?? '', value, origin, record.seq)
    if (snapshot) inflight.states.set(snapshot.key, snapshot)
  }
}
