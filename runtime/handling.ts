import type { Retry } from '../schema/flow.ts'
import type { CallMode } from './attempt.ts'
import type { CursorDocument } from './cursor.ts'
import type { DeadLetter, Failure } from './dead-letter.ts'
import { keep } from './emitted.ts'
import { changeState, type Entry, idOf, infoOf } from './entry.ts'
import type { Inflight } from './inflight.ts'
import { Invoker, type InvokerOptions, type Outcome } from './invoke.ts'
import { wrongKey } from './key.ts'
import type { Letters } from './letters.ts'
import type { Outbox } from './outbox.ts'
import { again, backoffMs, behind, type Parked, type Parking, rest } from './parking.ts'
import { compareSeq } from './record-id.ts'
import type { State } from './state.ts'

interface HandlingOptions {
  cursor: CursorDocument
  state: State
  letters: Letters
  outbox: Outbox
  invoker: Omit<InvokerOptions, 'retry' | 'state'>
  /** A dead letter has been taken over by the broker. */
  onLetter(): void
  /** The cursor names one more record that has failed: to be stored before anything behind it leaves. */
  onFailing(): void
}

/** What the handler is to be called with. */
interface Manner {
  key?: string
  concurrency: number
  retry: Retry
}

/** A record that waits in its key's state until the one before it is done. */
export type Handled = Outcome | { waits: true }

/** Timers, and letters that are handled again, have no place among the records of their key. */
const mayWait = ({ timers, replayOf }: Inflight) => timers === undefined && replayOf === undefined

/** Of a record that its owner before has seen fail. */
const failedBefore: Failure = {
  reason: 'threw',
  message: 'failed at the first attempt, in a host that is gone',
  attempts: 1,
}

const noRoom: Failure = {
  reason: 'too-many-waiting',
  message: 'too much waits behind a record of the same key that failed',
  attempts: 0,
}

const plain: CallMode = { shared: false, guarded: false }

/** Hosts that a record may kill before it is put aside. */
const maxDeaths = 3

/** What happens to one record: refused, or given to the user's function with the state of its key; then its
 *  outputs leave, or it becomes a dead letter. */
export class Handling {
  #options: HandlingOptions
  #manner: Manner
  #invoker: Invoker
  /** Where records of other keys may pass one that has failed: its next attempt comes later. */
  #relaxed: Invoker | undefined

  constructor(options: HandlingOptions, manner: Manner) {
    this.#options = options
    this.#manner = manner
    const { retry, key } = manner
    const shared = { ...options.invoker, state: options.state }
    this.#invoker = new Invoker({ ...shared, retry })
    if (retry.order === 'relaxed' && key !== undefined)
      this.#relaxed = new Invoker({ ...shared, retry: { ...retry, attempts: 1 } })
  }

  /** The stored state already has what this record did to it, so its outputs have left as well. */
  isIncluded({ record, origin }: Entry): boolean {
    const last = this.#options.state.included(record.key ?? '', origin)
    return last !== undefined && compareSeq(record.seq, last) <= 0
  }

  /** @param guarded stop a call that blocks the event loop, too */
  call(entry: Entry, guarded: boolean): Handled | Promise<Handled> {
    const { state } = this.#options
    const { record, inflight } = entry
    const parking = state.parking(record.key ?? '')
    if (this.#isOver(entry, parking)) return { outputs: [] }
    const failure = this.#refusal(entry)
    if (failure) return { failure, final: true }
    const shared = record.key === undefined && this.#manner.concurrency > 1
    if (this.#hasFailed(entry)) return { failure: failedBefore }
    const parked = inflight.lane === 'retry' ? parking!.records[0] : undefined
    const invoker = inflight.seen ? this.#invoker : (this.#relaxed ?? this.#invoker)
    const mode = shared || guarded || parked ? { shared, guarded, ...(parked && { parked }) } : plain
    if (parked) return invoker.call(entry, mode)
    if (!mayWait(inflight)) return this.#invoker.call(entry, mode)
    return parking ? { waits: true } : invoker.call(entry, mode)
  }

  /** The state of its key is as the call leaves it. One that failed, that waits, or that has waited changes what waits
   *  only when it is settled: until then another record of its key would pass it, or be given it once more. */
  hasWritten({ inflight }: Entry, outcome: Handled): boolean {
    return 'outputs' in outcome && inflight.lane !== 'retry'
  }

  /** The function may be called again, and change what it gave, before that is settled. */
  keep(outcome: Handled) {
    if ('outputs' in outcome) for (const emitted of outcome.outputs) keep(emitted)
  }

  /** Sends what the call gave; `inflight.outputs` counts down as the broker takes it over. */
  settle(entry: Entry, outcome: Handled) {
    const { origin, record, inflight } = entry
    const parking = this.#options.state.parking(record.key ?? '')
    if ('waits' in outcome) return this.#park(entry, 0)
    if (inflight.lane === 'retry' && parking && !this.#isOver(entry, parking)) {
      if (this.#triesAgain(entry, outcome, parking.records[0]!.attempts + 1))
        return this.#again(entry, parking)
      const left = rest(parking, Date.now())
      changeState(this.#options.state, entry, { retry: { parking: left } })
      if ('failure' in outcome)
        return this.#bury(
          entry,
          { ...outcome.failure, attempts: parking.records[0]!.attempts + outcome.failure.attempts },
          parking.records[0],
        )
    } else if ('failure' in outcome) {
      const parks = this.#relaxed && mayWait(inflight)
      if (parks && this.#triesAgain(entry, outcome, 1)) return this.#park(entry, 1, outcome.failure)
      return this.#bury(entry, outcome.failure)
    }
    const { outputs } = outcome
    if (outputs.length === 0) return
    const { seq, key, time } = record
    const at = inflight.lane === 'retry' ? (parking?.records[0]?.info.time ?? time) : time
    this.#options.outbox.send(outputs, { origin, seq, time: at, key }, inflight)
  }

  /** Where an owner before may have had the record, its outputs may have left with the id of this very attempt, so that
   *  another attempt must not have another id: all are made at once, as if order were strict. */
  #triesAgain(entry: Entry, outcome: Outcome, attempts: number) {
    if (entry.inflight.seen && !this.#hasFailed(entry)) return false
    return 'failure' in outcome && !outcome.final && attempts < this.#manner.retry.attempts
  }

  #hasFailed({ origin, record }: Entry) {
    return (
      this.#options.cursor.failed?.some(
        ([from, seq]) => from === origin && compareSeq(seq, record.seq) === 0,
      ) ?? false
    )
  }

  /** Whether it fails may change with the next owner, and what is behind it leaves now: so it is decided here. */
  #decide(entry: Entry) {
    if (this.#hasFailed(entry)) return
    const { cursor, onFailing } = this.#options
    cursor.failed = [...(cursor.failed ?? []), [entry.origin, entry.record.seq]]
    onFailing()
  }

  /** Lets the record wait with its key's state, behind what waits there. */
  #park(entry: Entry, attempts: number, failure?: Failure) {
    const { state, invoker } = this.#options
    const { record } = entry
    const next = Date.now() + (attempts > 0 ? backoffMs(this.#manner.retry, attempts) : 0)
    const parked = { info: infoOf(entry), value: record.value, attempts }
    const parking = behind(state.parking(record.key ?? ''), parked, Math.ceil(next))
    if (!parking) return this.#bury(entry, failure ?? noRoom)
    invoker.counters.retries += attempts
    changeState(state, entry, { retry: { parking } })
    if (attempts > 0) this.#decide(entry)
  }

  #again(entry: Entry, parking: Parking) {
    const { state, invoker } = this.#options
    invoker.counters.retries += 1
    const next = Date.now() + backoffMs(this.#manner.retry, parking.records[0]!.attempts + 1)
    changeState(state, entry, { retry: { parking: again(parking, Math.ceil(next)) } })
    this.#decide(entry)
  }

  /** A timer that was set anew, or cleared, by a record that came before it; an attempt that was made. */
  #isOver({ inflight, record }: Entry, parking: Parking | undefined) {
    if (inflight.lane === 'retry') return parking?.at !== record.time
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

  #bury(entry: Entry, failure: Failure, parked?: Parked) {
    const { inflight, record } = entry
    if (inflight.lane === 'timer') changeState(this.#options.state, entry, { timer: { at: undefined } })
    const { letters, onLetter } = this.#options
    inflight.outputs += 1
    inflight.letters += 1
    letters.write(letterOf(parked ?? { info: infoOf(entry), value: record.value }), failure).then(
      () => {
        inflight.outputs -= 1
        onLetter()
      },
      () => {}, // the connection is gone: the successor writes it again
    )
  }
}

const letterOf = ({ info, value }: Pick<Parked, 'info' | 'value'>): DeadLetter['record'] => {
  const { replay, ...record } = info
  return { ...record, value }
}
