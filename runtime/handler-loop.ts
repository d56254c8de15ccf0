import type { Wiring } from '../schema/wiring.ts'
import type { Counters } from './counters.ts'
import type { Entry } from './entry.ts'
import type { Handled, Handling } from './handling.ts'
import { Inbox, type Session } from './inbox.ts'
import type { Inflight } from './inflight.ts'
import { Pipeline } from './pipeline.ts'
import type { State } from './state.ts'
import { StateReader } from './state-reader.ts'
import type { Message, Transport } from './transport.ts'
import type { Trial } from './trial.ts'

interface HandlerLoopOptions {
  transport: Transport
  counters: Counters
  state: State
  /** Opened messages, oldest first. */
  inflight: readonly Inflight[]
  /** What is opened may go to the handler. */
  isOn(): boolean
  /** Another message may be opened. */
  mayOpen(): boolean
  /** Outputs that cannot leave take too much memory. */
  isFull(): boolean
  /** @returns its records that are new */
  open(message: Message): Entry[]
  /** Stores the cursor. */
  save(): Promise<void>
  /** A record of this message is through the handler. */
  onSettled(inflight: Inflight): void
  onFailed(error: Error): void
  /** There is nothing to open. */
  onDry(): void
}

/** Time in a handler that never waits, or for messages one after the other, before the event loop gets its turn: what
 *  is done leaves, and the broker hears from us, before the last record of a frame, or of a backlog, is handled. */
const sliceMs = 5

/** Keys of state that are read at once: SUBSCRIBE names each, and their values may be large. */
const maxFetched = 256

/** Gives the records of a session to the handler, in order of arrival, as long as nothing holds them back. */
export class HandlerLoop {
  #options: HandlerLoopOptions
  #reader: StateReader
  #handling!: Handling
  #trial!: Trial
  #concurrency = 1
  /** Records of one key come out in the order in which the handler gets them, several at once or not. */
  #keepsOrder = false
  #pipeline = new Pipeline<Handled>(1)
  readonly inbox = new Inbox()
  /** Records of opened messages that the handler has not got yet. */
  #ready: Entry[] = []
  #next = 0
  #running = false
  #holds = 0

  constructor(options: HandlerLoopOptions) {
    this.#options = options
    this.#reader = new StateReader(options.transport)
  }

  /** Something must be stored, or read, before the next record. */
  get isHeld() {
    return this.#holds > 0
  }

  push(message: Message, session: Session) {
    this.inbox.push(message, session)
    this.run()
  }

  /** Another wiring is in effect: nothing is in flight. */
  use(handling: Handling, { concurrency, sink }: Wiring, trial: Trial) {
    this.#handling = handling
    this.#trial = trial
    this.#concurrency = concurrency
    this.#keepsOrder = sink?.type === 'mqtt'
    this.#pipeline.concurrency = trial.isOn ? 1 : concurrency
  }

  /** Something is finished: an owner that went record by record need no longer do so. */
  trust() {
    this.#trial.end()
    this.#pipeline.concurrency = this.#concurrency
  }

  /** Goes on as far as it can; called whenever something may have come free. */
  run() {
    if (this.#running) return
    this.#running = true
    const { counters, isOn, onFailed } = this.#options
    counters.turnMs = performance.now()
    const handledUntil = counters.handlerMs + sliceMs
    const until = counters.turnMs + sliceMs
    try {
      while (isOn() && !this.isHeld && this.#step()) {
        if (this.#next === 0) counters.tick() // a message was opened
        const isBetween = this.#next === this.#ready.length
        if (counters.handlerMs < handledUntil && !(isBetween && counters.turnMs > until)) continue
        setImmediate(() => this.run())
        break
      }
    } catch (error) {
      onFailed(error as Error)
    }
    counters.tick()
    counters.turnMs = 0
    this.#running = false
  }

  /** Holds the next record, and what the handler gives for those that it has, back until `work` is done. */
  hold(work: () => Promise<void>) {
    this.#holds += 1
    this.#pipeline.isHeld = true
    work().then(
      () => {
        this.#holds -= 1
        if (!this.isHeld) this.#pipeline.isHeld = false
        this.run()
      },
      error => this.#options.onFailed(error),
    )
  }

  close() {
    this.#reader.close()
  }

  /** @returns false when there is nothing to do now */
  #step(): boolean {
    const entry = this.#ready[this.#next]
    if (!entry) return this.#openNext()
    const { isFull, state } = this.#options
    if (isFull() || !this.#pipeline.admits(this.#lock(entry))) return false
    if (state.isAway(entry.record.key ?? '')) return this.#fetch()
    if (this.#trial.isOn && !this.#named(entry)) return false
    this.#next += 1
    this.#handle(entry)
    return true
  }

  /** What no two records in the handler may share. */
  #lock({ record }: Entry) {
    return this.#concurrency > 1 && !this.#keepsOrder ? record.key : undefined
  }

  #openNext(): boolean {
    this.#ready = []
    this.#next = 0
    if (!this.#options.mayOpen()) return false
    const message = this.inbox.shift()
    if (message) this.#ready = this.#options.open(message)
    else this.#options.onDry()
    return message !== undefined
  }

  /** Reads the state of the next records, as far as it is not in memory. @returns false: it takes a while */
  #fetch(): false {
    const { state } = this.#options
    const keys = new Set<string>()
    for (let i = this.#next; keys.size < maxFetched; i++) {
      if (i === this.#ready.length && !this.#openAnother()) break
      const key = this.#ready[i]!.record.key ?? ''
      if (state.isAway(key)) keys.add(key)
    }
    this.hold(() => state.fetch([...keys], this.#reader))
    return false
  }

  /** Opens messages until there are more records. @returns false when there are none */
  #openAnother(): boolean {
    const before = this.#ready.length
    while (this.#ready.length === before && this.#options.mayOpen()) {
      const message = this.inbox.shift()
      if (!message) break
      this.#ready.push(...this.#options.open(message))
    }
    return this.#ready.length > before
  }

  /** While on trial, a record is named in the cursor once all before it are done. */
  #named(entry: Entry): boolean {
    if (this.#trial.hasNamed(entry)) return true
    const { inflight, save } = this.#options
    if (inflight[0] === entry.inflight && this.#pipeline.size === 0) {
      this.#trial.name(entry)
      this.hold(save)
    }
    return false
  }

  /** While what it gave waits to leave, which may be for long, it is not to blame for the death of its host. */
  #acquit({ inflight }: Entry) {
    if (this.#trial.isOn && inflight.outputs > 0 && this.#trial.clear()) this.#options.save().catch(() => {}) // the connection is gone
  }

  #handle(entry: Entry) {
    const { counters, state, onSettled, onFailed } = this.#options
    const handling = this.#handling
    if (handling.isIncluded(entry)) {
      counters.repeats += 1
      return onSettled(entry.inflight)
    }
    const outcome = handling.call(entry, this.#trial.isOn)
    if (!(outcome instanceof Promise) && this.#pipeline.size === 0) {
      handling.settle(entry, outcome)
      this.#acquit(entry)
      return onSettled(entry.inflight)
    }
    if (!(outcome instanceof Promise)) handling.keep(outcome)
    const key = entry.record.key ?? ''
    state.hold(key)
    this.#pipeline.push({
      key: this.#lock(entry),
      outcome,
      frees: outcome => handling.hasWritten(entry, outcome),
      settle: outcome => {
        handling.settle(entry, outcome)
        this.#acquit(entry)
        state.release(key)
        onSettled(entry.inflight)
      },
      failed: error => onFailed(error as Error),
    })
  }
}
