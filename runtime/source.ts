import { sessionId, topics } from '../schema/topics.ts'
import { atHome, brokersIn, type Stream, type Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { Counters } from './counters.ts'
import type { Credit } from './cursor.ts'
import { givenOf } from './emitted.ts'
import { readFenced } from './fenced-read.ts'
import { numberingAfterLoss, numberingFrom } from './first-numbering.ts'
import { type Feeds, Inlet } from './inlet.ts'
import { keyAt } from './key.ts'
import { Letters } from './letters.ts'
import { Numbering, type NumberingDocument } from './numbering.ts'
import { Outbox } from './outbox.ts'
import { Overflow } from './overflow.ts'
import { printId } from './record-id.ts'
import { RetainedRead } from './retained.ts'
import { type Brokers, Sessions } from './sessions.ts'
import { Settling, type Unsettled } from './settling.ts'
import type { Arrived } from './sources/feed.ts'
import { maxPayloadBytes, type Rejection, readPayload, timeAt } from './sources/payload.ts'
import type { Connection } from './transport.ts'
import type { Unit } from './unit.ts'

export interface SourceOptions extends Brokers {
  flow: string
  node: string
  partition: number
  wiring: Wiring
  feeds: Feeds
  log: Logger
  counters: Counters
  creditOf(consumer: string, partition: string): Credit | undefined
  onChange(): void
  onClosed(error?: Error): void
}

/** For the broker to answer to what has left. Who comes next waits as long, see `patienceMs` of `Hosting`. */
const answerMs = 300

/** Where records enter: numbers them, puts them on the source's streams, and says `done` once the broker has them. */
export class Source implements Unit {
  #options: SourceOptions
  #sessions: Sessions
  /** To the dataflow's own broker. */
  #connection!: Connection
  #numbering!: Numbering
  #letters!: Letters
  #outbox!: Outbox
  #wiring: Wiring
  #inlet!: Inlet
  #overflow = new Overflow({
    pause: () => this.#inlet.pause(),
    resume: () => this.#inlet.resume(),
    drop: arrived => this.#drop(arrived),
  })
  #draining = false
  #closed = false
  /** Goes on with a change of streams; nothing is sent before. */
  #clear: (() => void) | undefined
  /** Nothing is sent while it goes on by another broker. */
  #crossing = false
  /** In effect. */
  #outputs: Record<string, Stream[]> = {}
  #ready = false
  /** Revision that the streams and the intake follow. */
  #inEffect = 0
  #rewiring: Promise<void> = Promise.resolve()
  #settling = new Settling({
    numbering: () => this.#numbering,
    identifies: () => this.#wiring.source!.id !== undefined,
    onEffect: records => this.#counts(-records),
  })
  /** What waits for the broker waits in memory alone. */
  #areKept = false
  /** Taken in, and had no effect yet. */
  #inHand = 0

  constructor(options: SourceOptions) {
    this.#options = options
    this.#wiring = options.wiring
    const { flow, node, partition } = options
    this.#sessions = new Sessions({
      ...options,
      clientId: sessionId(flow, node, partition),
      nudge: topics.nudge(flow),
      mark: topics.mark(flow, node, partition),
      onMessage: message => message.ack(),
      onClose: error => this.#end(error),
    })
  }

  async start(): Promise<void> {
    await this.#sessions.await(brokersIn(this.#wiring))
    const reading = new RetainedRead(this.#options.transport)
    await this.#takeOver(reading).finally(() => reading.close())
    await this.rewire(this.#wiring)
  }

  async #takeOver(reading: RetainedRead) {
    const { transport, flow, node, partition } = this.#options
    this.#connection = await this.#sessions.open()
    const topic = topics.credit(flow, node, partition)
    const found = await readFenced({
      transport,
      reading,
      connection: this.#connection,
      fence: topics.fence(flow, node, partition),
      topics: [topic],
      expected: this.#connection.sessionPresent,
    })
    const stored = found.get(topic)
    if (!stored && this.#connection.sessionPresent) {
      this.#options.log.error('the broker has lost a retained message', {
        what: 'numbering',
        hint: 'records may be repeated: let the broker keep retained messages as long as sessions',
      })
    }
    const document = stored
      ? (JSON.parse(stored.toString()) as NumberingDocument)
      : this.#connection.sessionPresent
        ? await numberingAfterLoss({ ...this.#options, wiring: this.#wiring })
        : numberingFrom(1)
    this.#numbering = new Numbering(this.#connection, topic, document)
    const before = this.#before(stored !== undefined)
    this.#outputs = before
    const { outputs } = this.#wiring
    await this.#numbering.reserve(this.#mayCross(outputs) ? before : outputs)
    // A session that holds no subscription is none to aedes and RabbitMQ: nobody could tell that numbers were in use.
    await this.#connection.subscribe([topics.replay(flow, node, partition)], 1)
    this.#inlet = new Inlet({
      ...this.#options,
      numbering: this.#numbering,
      emit: arrived => this.#take(arrived),
      onClosed: error => {
        this.#end(error)
        void this.#sessions.close()
      },
    })
    const shared = { ...this.#options, connection: this.#connection }
    this.#letters = new Letters(shared, this.#numbering.letters)
    this.#outbox = new Outbox({
      ...shared,
      connectionTo: broker => this.#sessions.to(broker),
      onProgress: () => this.#progress(),
      turn: async () => this.#numbering.take(),
      // A failure means that the connection is gone, and this source's turn with it.
      onBehindAll: behindAll => void this.#numbering.setBehindAll(behindAll).catch(() => {}),
    })
    await this.#reach(before)
    // Whoever may still store with all brokers taken over owns the source: nobody else sends by any of them.
    if (!isHome(before)) await this.#numbering.save()
    this.#outbox.inherit(before, this.#numbering.behindAll)
    this.#outbox.rewire(before)
    this.#options.onChange() // credit for what was sent before is heard from now on
    this.#ready = true
  }

  /** Streams that a source before may have sent to what is not finished: one that does not say so knew no other broker. */
  #before(isKnown: boolean): Record<string, Stream[]> {
    if (this.#numbering.outputs) return this.#numbering.outputs
    if (!isKnown) return {}
    const { outputs } = this.#wiring
    return Object.fromEntries(
      Object.entries(outputs).map(([output, streams]) => [output, streams.map(atHome)]),
    )
  }

  async #reach(outputs: Record<string, Stream[]>) {
    for (const broker of brokersIn({ inputs: [], outputs })) await this.#sessions.reach(broker)
  }

  get revision() {
    return this.#closed ? 0 : this.#inEffect
  }

  /** Its numbering is all that it keeps. */
  readonly storedBytes = 0

  get backlog() {
    return this.#outbox?.backlog() ?? {}
  }

  get waitingFor() {
    return [
      ...(this.#inlet?.waitingFor ?? []),
      ...this.#sessions.waitingFor,
      ...(this.#outbox?.waitingFor() ?? []),
    ]
  }

  get streams() {
    return this.#outbox?.streams ?? []
  }

  credit(consumer: string, partition: string) {
    this.#outbox?.credit(consumer, partition)
  }

  /** Follows a change: where records come by another connection, those under way may be sent again under new numbers. */
  rewire(wiring: Wiring): Promise<void> {
    this.#rewiring = this.#rewiring.then(() => this.#follow(wiring))
    return this.#rewiring
  }

  async #follow(wiring: Wiring): Promise<void> {
    this.#wiring = wiring
    if (!this.#ready) return
    const { outputs } = wiring
    const mayCross = this.#mayCross(outputs)
    if (!mayCross) await this.#numbering.use(outputs)
    this.#outbox.expect(outputs)
    // What a consumer would read in its old stream leaves before anything in its new one: the other way round it
    // would be taken for a repeat.
    if (this.#outbox.clearing) {
      await new Promise<void>(resolve => {
        this.#clear = resolve
      })
      this.#clear = undefined
    }
    if (mayCross) await this.#cross(wiring)
    this.#outbox.rewire(outputs)
    this.#outputs = outputs
    this.#crossing = false
    this.#progress()
    // Nothing is taken in while nobody would get it.
    const wanted = Object.values(wiring.outputs).some(streams => streams.length > 0)
    await this.#inlet.follow(wanted ? wiring.source?.spec : undefined, wiring.unordered)
    this.#inEffect = wiring.revision
    this.#options.onChange()
  }

  /** What was sent by the streams in effect may have to be finished before these are. */
  #mayCross(outputs: Record<string, Stream[]>): boolean {
    return this.#wiring.unordered || !isHome(outputs) || !isHome(this.#outputs)
  }

  /** Goes on by other streams, once consumers have finished what has no order with what is to come. */
  async #cross(wiring: Wiring) {
    const { outputs } = wiring
    this.#crossing = true
    const after = brokersIn({ inputs: [], outputs })
    await this.#outbox.cross(wiring)
    await this.#reach(outputs)
    await this.#numbering.use(outputs)
    for (const broker of brokersIn({ inputs: [], outputs: this.#outputs }))
      if (!after.includes(broker)) await this.#sessions.leave(broker)
  }

  /** What is under way is finished, and said to be: or it would come again, and leave under another number. */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true
    this.#inlet?.pause()
    await this.#until(() => this.#settling.isEmpty && (!this.#drops || this.#overflow.isEmpty), timeoutMs)
    if (!this.#settling.isEmpty) await this.#withdraw()
    await this.#inlet?.end()
    this.#close()
    await this.#sessions.close()
  }

  async #until(condition: () => boolean, timeoutMs: number) {
    const end = performance.now() + timeoutMs
    while (!condition() && !this.#closed && performance.now() < end)
      await new Promise(resolve => setTimeout(resolve, 5))
  }

  /** What consumers have no room for has not left, and is left to who comes next. */
  async #withdraw() {
    for (const { arrived } of this.#settling.withdraw(this.#outbox.withdraw())) {
      if (this.#drops) this.#drop(arrived)
      else arrived.done('left')
    }
    this.#progress()
    await this.#until(() => !this.#outbox.isSending && this.#settling.isSaid, answerMs)
  }

  #take(arrived: Arrived) {
    if (this.#draining || this.#closed) return // whoever comes next gets it
    const { counters } = this.#options
    counters.recordsIn += 1
    counters.figures.cameIn(arrived.payload?.length ?? 0)
    this.#counts(1)
    if (this.#overflow.isEmpty && this.#maySend()) return this.#send(arrived)
    if (this.#drops && !this.#areKept) {
      this.#areKept = true
      this.#settling.keep()
    }
    this.#overflow.add(arrived, this.#wiring.source!.overflow)
  }

  get #drops() {
    return this.#wiring.source!.overflow !== 'block'
  }

  /** Where records may be dropped, those that a consumer has no room for are held at once: the broker of the outside brings
   *  few messages until one is acknowledged, and would be the one that drops. */
  #maySend = () =>
    !this.#outbox.full && !this.#clear && !this.#crossing && !(this.#drops && this.#outbox.isHeldBack)

  #drop(arrived: Arrived) {
    this.#options.counters.dropped += 1
    this.#counts(-1)
    arrived.done('dropped')
  }

  #send(arrived: Arrived) {
    this.#areKept = false
    const waiting: Unsettled = { arrived, outputs: 0, all: 0, result: 'sent' }
    const { source } = this.#wiring
    const parsed = arrived.payload
      ? readPayload(arrived.payload, source!.spec)
      : givenOf('default', arrived.value)
    if ('reason' in parsed) return this.#reject(waiting, parsed)
    const identity = source!.id && keyAt(parsed.value, source!.id)
    if (identity !== undefined && !this.#numbering.isNew(identity)) {
      this.#options.counters.repeats += 1
      return this.#settleLater(waiting)
    }
    if (identity !== undefined) waiting.identity = identity
    const seq = this.#numbering.take()
    const { topic, time = timeAt(parsed.value, source!.time) ?? Date.now() } = arrived
    const cause = { origin: '', seq, time, ...(topic !== undefined && { topic }) }
    this.#outbox.send([parsed], cause, waiting)
    waiting.all = waiting.outputs
    this.#settleLater(waiting)
  }

  #reject(waiting: Unsettled, { reason, message }: Rejection) {
    const { node } = this.#options
    const { payload, topic } = waiting.arrived
    const id = printId({ origin: `${node}.0`, seq: this.#numbering.take() })
    const value = payload!.subarray(0, maxPayloadBytes).toString()
    waiting.outputs = 1
    waiting.result = 'rejected'
    this.#numbering.wroteLetter()
    this.#settleLater(waiting)
    this.#letters
      .write(
        { id, time: Date.now(), source: node, value, ...(topic !== undefined && { topic }) },
        { reason, message, attempts: 0 },
      )
      .then(
        () => {
          waiting.outputs = 0
          this.#progress()
        },
        () => {},
      )
  }

  #settleLater(waiting: Unsettled) {
    this.#settling.add(waiting)
    if (waiting.outputs === 0) this.#progress()
  }

  #progress() {
    this.#settling.run()
    if (this.#clear) {
      if (!this.#outbox.clearing) this.#clear()
      return
    }
    if (this.#crossing || (this.#draining && !this.#drops)) return
    this.#overflow.release(this.#maySend, arrived => this.#send(arrived))
  }

  #counts(records: number) {
    this.#inHand += records
    this.#options.counters.inFlight += records
  }

  #close() {
    this.#closed = true
    if (this.#drops) this.#overflow.dropAll()
    this.#counts(-this.#inHand) // its successor counts them
    this.#outbox?.close()
  }

  #end(error?: Error) {
    if (this.#closed) return
    this.#close()
    void this.#inlet?.end()
    this.#options.onClosed(error)
  }
}

/** All go by the dataflow's own broker: changes of streams keep their order there. */
const isHome = (outputs: Record<string, Stream[]>) => brokersIn({ inputs: [], outputs }).length === 0
