import { randomUUID } from 'node:crypto'
import { keepsKeys, sessionId, topics } from '../schema/topics.ts'
import { subscriptionsOf, type Wiring } from '../schema/wiring.ts'
import { Admission } from './admission.ts'
import { Committer } from './committer.ts'
import type { Logger } from './context.ts'
import type { Counters } from './counters.ts'
import { type CursorDocument, Progress } from './cursor.ts'
import { type Entry, type Handled, Handling, idOf } from './handling.ts'
import { type Inflight, isDone } from './inflight.ts'
import type { Handlers } from './invoke.ts'
import { Letters } from './letters.ts'
import { Outbox } from './outbox.ts'
import { Pipeline } from './pipeline.ts'
import type { Place } from './place.ts'
import { recover, restoreState } from './recovery.ts'
import { State } from './state.ts'
import { Timers } from './timers.ts'
import type { Connection, Message, Transport } from './transport.ts'

export interface PartitionOptions extends Place {
  transport: Transport
  /** Newest known wiring: used when the partition has none in effect. */
  wiring: Wiring
  /** What records are given to while this wiring is in effect. */
  handlersOf(wiring: Wiring): Handlers
  env: Record<string, string | undefined>
  log: Logger
  counters: Counters
  progressOf(consumer: string, partition: string): Progress | undefined
  /** Another wiring is in effect. */
  onChange(): void
  /** The connection is gone: by takeover, by the broker, or after an error. Not called after `drain`. */
  onClosed(error?: Error): void
}

/** Time in a handler that never waits before the event loop gets its turn: what is done leaves, and the broker hears
 *  from us, before the last record of a frame is handled. */
const sliceMs = 10

const thisProcess = randomUUID()

/** Owner of one partition while its connection lives: reads frames, calls the handler, sends what it gives,
 *  commits, acknowledges. After any trouble it is thrown away, and a new one starts from the broker's session. */
export class Partition {
  #options: PartitionOptions
  #connection!: Connection
  #cursor!: CursorDocument
  #admission!: Admission
  #state: State
  #wiring: Wiring
  #newest: Wiring
  #outbox!: Outbox
  #committer!: Committer
  #letters!: Letters
  #timers!: Timers
  #retries!: Timers
  #handling!: Handling
  #pipeline = new Pipeline<Handled>(1)
  #stop = new AbortController()
  #inbox: Message[] = []
  #inflight: Inflight[] = []
  /** Records of the newest opened message that the handler has not got yet. */
  #ready: Entry[] = []
  #next = 0
  #switching: { wiring: Wiring; message: Message } | undefined
  /** `ended`: what was sent here is finished, and other partitions go on. It holds the session, and does nothing. */
  #phase: 'starting' | 'running' | 'draining' | 'ended' | 'closed' = 'starting'
  #pumping = false
  /** Something must be stored before the next record. */
  #storing = false
  /** The owner before has finished nothing: go record by record, so that what kills hosts can be told. */
  #cautious = false
  #quiet: (() => void)[] = []

  constructor(options: PartitionOptions) {
    this.#options = options
    this.#wiring = options.wiring
    this.#newest = options.wiring
    this.#state = new State(options)
  }

  /** Takes the session over. @throws when the broker refuses, or state cannot be restored */
  async start(): Promise<void> {
    const { transport, flow, node, name } = this.#options
    this.#connection = await transport.connect({
      clientId: sessionId(flow, node, name),
      clean: false,
      nudge: topics.nudge(flow),
      onMessage: message => {
        this.#inbox.push(message)
        this.#pump()
      },
      onClose: error => this.#closed(error),
    })
    try {
      await this.#recover()
    } catch (error) {
      this.#phase = 'closed' // what ends the connection now is this error, and who called is to show it
      this.#stop.abort()
      await this.#connection.close()
      throw error
    }
    if (this.#phase === 'starting') this.#phase = this.#cursor.ended ? 'ended' : 'running'
    this.#options.onChange()
    this.#pump()
  }

  /** Revision of the wiring in effect; 0 while it is starting. */
  get revision() {
    return this.#phase === 'running' || this.#phase === 'ended' ? this.#wiring.revision : 0
  }

  /** By consumer: records sent and not finished there. */
  get backlog() {
    return this.#outbox?.backlog() ?? {}
  }

  /** Consumers that this partition waits for. */
  get waitingFor() {
    return this.#outbox?.waitingFor() ?? []
  }

  get streams() {
    return this.#outbox?.streams ?? []
  }

  credit(consumer: string, partition: string) {
    this.#outbox?.credit(consumer, partition)
  }

  /** No timer is on its way here, and no record waits for an attempt. */
  get idle() {
    if (!this.#timers) return true
    return this.#timers.idle && this.#retries.idle && this.#state.parkings().next().done === true
  }

  /** Lets time pass for timers, in a test. */
  elapse(ms: number) {
    this.#timers?.elapse(ms)
  }

  /** A newer wiring is on its way here, behind the records that came before it. */
  async rewire(wiring: Wiring): Promise<void> {
    this.#newest = wiring
    if (wiring.revision > this.#wiring.revision) this.#outbox?.expect(wiring.outputs)
  }

  /** Opens no more messages, finishes those under way, and lets go of the session. */
  async drain(timeoutMs: number): Promise<void> {
    if (this.#phase === 'running' && this.#inflight.length > 0) {
      this.#phase = 'draining'
      let timer: NodeJS.Timeout | undefined
      await Promise.race([
        new Promise<void>(resolve => this.#quiet.push(resolve)),
        new Promise<void>(resolve => {
          timer = setTimeout(resolve, timeoutMs)
        }),
      ])
      clearTimeout(timer)
    }
    this.#end()
    await this.#connection?.close()
  }

  async #recover() {
    const { transport, log } = this.#options
    const { sessionPresent } = this.#connection
    const { round = 0 } = this.#newest
    const { cursor, wiring } = await recover(
      transport,
      this.#connection,
      this.#options,
      { expected: sessionPresent || round > 0, round },
      what =>
        log.error('the broker has lost a retained message', {
          what,
          hint: 'records may be repeated: let the broker keep retained messages as long as sessions',
        }),
    )
    this.#cursor = cursor
    this.#wiring = leftInEffect(cursor, wiring, this.#newest)
    if (cursor.ended) return // others may have begun
    await restoreState(transport, this.#options, cursor, this.#state)
    this.#admission = new Admission(this.#options, cursor)
    this.#cautious = cursor.takeovers > 0
    cursor.takeovers += 1
    if (cursor.trying !== undefined) {
      // Who marked it here is alive: the connection was lost, and no record is to blame for that.
      if (cursor.tryingBy !== thisProcess)
        cursor.suspects = { ...cursor.suspects, [cursor.trying]: (cursor.suspects?.[cursor.trying] ?? 0) + 1 }
      delete cursor.trying
      delete cursor.tryingBy
    }
    const shared = { ...this.#options, connection: this.#connection }
    this.#letters = new Letters(shared, cursor.letters)
    this.#committer = new Committer({
      ...shared,
      cursor,
      state: this.#state,
      inflight: this.#inflight,
      onCommitted: batch => this.#committed(batch),
      onFailed: error => this.#fail(error),
    })
    this.#outbox = new Outbox({
      ...shared,
      onProgress: () => {
        this.#committer.run()
        this.#pump()
      },
    })
    const timed = {
      ...shared,
      cursor,
      save: () => this.#committer.save(),
      onFailed: (error: Error) => this.#fail(error),
    }
    this.#timers = new Timers({ ...timed, lane: 'timer' })
    this.#retries = new Timers({ ...timed, lane: 'retry' })
    for (const [key, at] of this.#state.timers()) this.#timers.set(key, at)
    for (const [key, at] of this.#state.parkings()) this.#retries.set(key, at)
    await this.#use(this.#wiring, sessionPresent ? cursor.subscriptions : [])
  }

  /** Puts a wiring into effect: nothing may be in flight. @param held filters that the session has now */
  async #use(wiring: Wiring, held: string[]) {
    const { flow, node, name } = this.#options
    const wanted = subscriptionsOf(this.#options, wiring)
    const added = wanted.filter(filter => !held.includes(filter))
    const removed = held.filter(filter => !wanted.includes(filter))
    if (this.#cursor.wiring !== wiring.revision || held.length === 0) {
      await this.#connection.publish(topics.effect(flow, node, name), JSON.stringify(wiring), {
        retain: true,
      })
    }
    if (added.length > 0) await this.#connection.subscribe(added, 1)
    if (removed.length > 0) await this.#connection.unsubscribe(removed)
    this.#wiring = wiring
    this.#outbox.rewire(wiring.outputs)
    await this.rewire(this.#newest)
    this.#pipeline.concurrency = this.#cautious ? 1 : wiring.concurrency
    this.#handling = this.#handlingFor(wiring)
    if (wiring.last) this.#finish(wiring)
    this.#cursor.subscriptions = wanted
    this.#cursor.wiring = wiring.revision
    await this.#committer.save()
  }

  /** Prepares the last cursor: nothing is stored behind it. */
  #finish({ next }: Wiring) {
    this.#timers.close()
    this.#retries.close()
    this.#cursor.ended = true
    if (!next || !keepsKeys(this.#options.cut) || !keepsKeys(next)) return
    this.#cursor.heirs = this.#state.sizes(next.partitions, new Progress(this.#cursor.lanes))
  }

  /** Goes on as far as it can; called whenever something may have come free. */
  #pump() {
    if (this.#pumping) return
    this.#pumping = true
    const { counters } = this.#options
    const until = counters.handlerMs + sliceMs
    try {
      while ((this.#phase === 'running' || this.#phase === 'draining') && !this.#storing && this.#step()) {
        if (counters.handlerMs < until) continue
        setImmediate(() => this.#pump())
        break
      }
    } catch (error) {
      this.#fail(error as Error)
    }
    this.#pumping = false
  }

  /** @returns false when there is nothing to do now */
  #step(): boolean {
    const entry = this.#ready[this.#next]
    if (!entry) return this.#openNext()
    if (this.#outbox.full || !this.#pipeline.admits(this.#lock(entry))) return false
    if (this.#cautious && !this.#marked(entry)) return false
    this.#next += 1
    this.#handle(entry)
    return true
  }

  /** What no two records in the handler may share. */
  #lock({ record }: Entry) {
    return this.#wiring.concurrency > 1 ? record.key : undefined
  }

  #openNext(): boolean {
    this.#ready = []
    this.#next = 0
    if (this.#switching || this.#phase === 'draining') return false
    const message = this.#inbox.shift()
    if (message) this.#open(message)
    return message !== undefined
  }

  #open(message: Message) {
    const admitted = this.#admission.open(message, this.#wiring.revision)
    if ('wiring' in admitted) {
      this.#switching = { wiring: admitted.wiring, message }
      return this.#switchWhenQuiet()
    }
    if (admitted.inflight.lane === 'timer') this.#timers.arrived()
    if (admitted.inflight.lane === 'retry') this.#retries.arrived()
    this.#ready = admitted.entries
    this.#inflight.push(admitted.inflight)
    if (admitted.entries.length === 0) this.#committer.run()
  }

  /** A change of streams waits until nothing is in flight: a record reprocessed over it would leave twice. */
  #switchWhenQuiet() {
    const next = this.#switching
    if (!next || this.#inflight.length > 0 || this.#storing) return
    this.#store(async () => {
      await this.#use(next.wiring, this.#cursor.subscriptions)
      if (next.wiring.last && this.#phase === 'running') this.#phase = 'ended'
      next.message.ack()
      this.#switching = undefined
      this.#options.onChange()
    })
  }

  /** Holds the next record back until `work` is done. */
  #store(work: () => Promise<void>) {
    this.#storing = true
    work().then(
      () => {
        this.#storing = false
        this.#pump()
      },
      error => this.#fail(error),
    )
  }

  /** Names the record in the cursor before the handler gets it, so that a successor knows what killed its host. */
  #marked(entry: Entry): boolean {
    const { inflight } = entry
    const id = idOf(entry)
    if (this.#cursor.trying === id) return true
    const alone = this.#inflight[0] === inflight && this.#pipeline.size === 0
    if (alone) {
      this.#cursor.trying = id
      this.#cursor.tryingBy = thisProcess
      this.#store(() => this.#committer.save())
    }
    return false
  }

  #handlingFor(wiring: Wiring) {
    return new Handling(
      {
        cursor: this.#cursor,
        state: this.#state,
        letters: this.#letters,
        outbox: this.#outbox,
        invoker: {
          ...this.#options,
          handlers: this.#options.handlersOf(wiring),
          stopped: this.#stop.signal,
        },
        onLetter: () => this.#committer.run(),
      },
      wiring,
    )
  }

  #handle(entry: Entry) {
    const handling = this.#handling
    if (handling.isIncluded(entry)) {
      this.#options.counters.repeats += 1
      return this.#settled(entry.inflight)
    }
    const outcome = handling.call(entry, this.#cautious)
    if (!(outcome instanceof Promise) && this.#pipeline.size === 0) {
      handling.settle(entry, outcome)
      return this.#settled(entry.inflight)
    }
    this.#pipeline.push(
      this.#lock(entry),
      outcome,
      outcome => {
        handling.settle(entry, outcome)
        this.#settled(entry.inflight)
      },
      error => this.#fail(error as Error),
    )
  }

  #settled(inflight: Inflight) {
    if (this.#phase === 'closed') return // its successor counts it
    inflight.records -= 1
    this.#options.counters.inFlight -= 1
    if (isDone(inflight)) this.#committer.run()
    this.#pump()
  }

  #committed(batch: Inflight[]) {
    const { time } = batch.at(-1)!
    for (const { states } of batch) {
      for (const { key, timer, retry } of states.values()) {
        this.#timers.set(key, timer)
        this.#retries.set(key, retry?.at)
      }
    }
    if (time > 0) this.#options.counters.latencyMs = Date.now() - time
    if (this.#cautious && batch.some(({ last }) => last.size > 0)) {
      this.#cautious = false
      this.#pipeline.concurrency = this.#wiring.concurrency
    }
    if (this.#inflight.length === 0) for (const resolve of this.#quiet.splice(0)) resolve()
    this.#switchWhenQuiet()
    this.#pump()
  }

  #end() {
    this.#phase = 'closed'
    this.#stop.abort()
    this.#timers?.close()
    this.#retries?.close()
  }

  #fail(error: Error) {
    if (this.#phase === 'closed') return
    this.#closed(error)
    void this.#connection.close()
  }

  #closed(error?: Error) {
    if (this.#phase === 'closed') return
    this.#end()
    for (const { records } of this.#inflight) this.#options.counters.inFlight -= records
    for (const resolve of this.#quiet.splice(0)) resolve()
    this.#options.onClosed(error)
  }
}

/** The wiring that a successor starts with. The cursor is the last that a change of wiring writes: where the wiring is
 *  ahead of it, the change was under way, and nothing in flight. */
function leftInEffect({ wiring }: CursorDocument, effect: Wiring | undefined, newest: Wiring): Wiring {
  if (effect && effect.revision >= wiring) return effect
  if (!newest.last || newest.revision === wiring) return newest
  // It ends where this comes in its session, behind what was sent to it.
  const { last: _, ...before } = newest
  return { ...before, revision: newest.revision - 1 }
}
