import type { Retry } from '../schema/flow.ts'
import type { CursorDocument } from './cursor.ts'
import type { DeadLetter, Failure } from './dead-letter.ts'
import type { EdgeRecord } from './frame.ts'
import type { Inflight } from './inflight.ts'
import { Invoker, type InvokerOptions, type Outcome } from './invoke.ts'
import { wrongKey } from './key.ts'
import type { Letters } from './letters.ts'
import type { Outbox } from './outbox.ts'
import { changeState, RecordCall } from './record-call.ts'
import { compareSeq, printId, sourceOf } from './record-id.ts'
import type { State } from './state.ts'

/** A record on its way through a partition. */
export interface Entry {
  record: EdgeRecord
  inflight: Inflight
  /** Its origin once it has come through this partition's lane. */
  origin: string
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
    if (this.#isOver(entry)) return { outputs: [] }
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

  /** A timer that was set anew, or cleared, by a record that came before it. */
  #isOver({ inflight, record }: Entry) {
    return inflight.lane === 'timer' && this.#options.state.timer(record.key ?? '') !== record.time
  }

  #refusal(entry: Entry): Failure | undefined {
    const { record, inflight } = entry
    const { suspects } = this.#options.cursor
    const deaths = suspects === undefined ? 0 : (suspects[idOf(entry)] ?? 0)
    if (deaths >= maxDeaths) {
      const message = `the host died ${deaths} times while it handled this record`
      return { reason: 'crashed', message, attempts: deaths }
    }
    const keyed = this.#manner.key !== undefined && !inflight.timers
    const message = keyed ? wrongKey(record.key, this.#manner.key!) : undefined
    return message === undefined ? undefined : { reason: 'no-key', message, attempts: 0 }
  }

  #bury(entry: Entry, failure: Failure) {
    const { inflight, record, origin } = entry
    if (inflight.lane === 'timer') changeState(this.#options.state, entry, { timer: { at: undefined } })
    const { letters, onLetter } = this.#options
    const { key, time, topic, value } = record
    const letter: DeadLetter['record'] = {
      id: inflight.replayOf ?? idOf(entry),
      ...(key !== undefined && { key }),
      time,
      source: sourceOf(origin),
      value,
      ...(topic !== undefined && { topic }),
      ...(inflight.from !== undefined && { from: inflight.from }),
      ...(inflight.timers && { timer: true as const }),
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
