import { partitionName } from '../schema/topics.ts'
import { cutOf, type Stream } from '../schema/wiring.ts'
import type { Counters } from './counters.ts'
import type { Credit, Progress } from './cursor.ts'
import { type Emitted, keep } from './emitted.ts'
import { OpenFrames, type SentFrame } from './open-frames.ts'
import type { Cause, Pending } from './outbox.ts'
import { type Outgoing, OutgoingFrame, Turn } from './outgoing-frame.ts'
import type { RecordId, Seq } from './record-id.ts'
import { SentBefore } from './sent-before.ts'
import type { Connection } from './transport.ts'

interface LaneOptions {
  connection: Connection
  counters: Counters
  topic: string
  output: string
  stream: Stream
  shard: number
  partition: number
  /** What the consumers call this lane in their cursors. */
  name: string
  /** Characters that all lanes of a partition hold, about. */
  buffer: { size: number }
  onProgress(): void
  /** `behindAll` has changed. */
  onBehindAll(): void
  creditOf(consumer: string, partition: string): Credit | undefined
  /** A number that no turn on this lane had before, over all owners. */
  turn(): Promise<number>
}

interface Held {
  cause: Cause
  seq: Seq
  key: string | undefined
  emitted: Emitted
  pending: Pending
}

/** After so long a broker may have lost a turn: it is said again, each time after twice as long, since a consumer that is
 *  stuck gets them all. */
const [againMs, maxAgainMs] = [10_000, 3_600_000]

/** Frames on their way to the broker. With one alone, a record would wait for the acknowledgment of the one before. */
const maxSending = 4

/** One topic that one partition writes: at most `maxSending` frames on their way to the broker, at most `window` that
 *  a consumer has not finished. What comes meanwhile gathers and leaves together in the next frame. */
export class OutputLane {
  readonly topic: string
  readonly output: string
  /** Name of the consumers' partition that reads it. */
  readonly reader: string
  stream: Stream
  #options: LaneOptions
  /** Oldest first; the last one takes more records in. */
  #gathered: Outgoing[] = []
  /** What comes while it is not known which of it an owner before has sent. */
  #held: Held[] = []
  #isHolding = false
  #isTurning = false
  /** What of it comes again does not leave: its readers would drop it, and tell nothing of that. Until then it would be in
   *  the queue of one that is slow, or away, behind no window. */
  #before = new SentBefore([])
  #again: NodeJS.Timeout | undefined
  #sending = 0
  /** When the broker last answered, or got a frame while it owed no answer. */
  #sentAt = 0
  #scheduled = false
  #open = new Map<string, OpenFrames>()
  #leaving: string[] = []
  #closing = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.topic = options.topic
    this.output = options.output
    this.reader = partitionName(options.shard, cutOf(options.stream))
    this.stream = options.stream
  }

  /** Goes on with other consumers: of one that comes again later nothing is known. */
  follow(stream: Stream) {
    this.stream = stream
    this.leave([], false)
    for (const [consumer, open] of this.#open) {
      if (stream.consumers.includes(consumer)) continue
      open.close()
      this.#open.delete(consumer)
    }
    this.#goOn()
  }

  close() {
    clearTimeout(this.#again)
    for (const open of this.#open.values()) open.close()
  }

  /** An owner before has sent to these consumers. @param known what it, or one before, had behind all that: see `behindAll` */
  inherit(known: Record<string, RecordId> = {}) {
    for (const consumer of this.stream.consumers)
      this.#openTo(consumer).inherit(known[consumer], this.#progressOf(consumer), () => this.#goOn())
    this.#isHolding = this.#inherits
  }

  /** By consumer: the last record of the frame behind all that owners before have sent, while that is not finished. */
  get behindAll(): Record<string, RecordId> | undefined {
    let behindAll: Record<string, RecordId> | undefined
    if (this.isSending) return undefined // the broker may never get it
    for (const [consumer, open] of this.#open)
      if (open.behindAll) behindAll = { ...behindAll, [consumer]: open.behindAll }
    return behindAll
  }

  add(cause: Cause, seq: Seq, key: string | undefined, emitted: Emitted, pending: Pending) {
    if (this.#isHolding) {
      keep(emitted)
      this.#held.push({ cause, seq, key, emitted, pending })
      this.#options.buffer.size += emitted.length
      this.#askForTurn()
    } else {
      this.#gather(cause, seq, key, emitted, pending)
    }
  }

  #gather(cause: Cause, seq: Seq, key: string | undefined, emitted: Emitted, pending: Pending) {
    if (this.#before.includes(cause.origin, seq)) {
      pending.outputs -= 1
      return
    }
    const newest = this.#gathered.at(-1)
    let frame: OutgoingFrame
    if (newest instanceof OutgoingFrame && newest.hasRoom(emitted.length)) frame = newest
    else {
      frame = new OutgoingFrame(this.#version)
      this.#gathered.push(frame)
    }
    const { size } = frame
    frame.add(cause, seq, key, emitted, pending)
    this.#options.buffer.size += frame.size - size
    if (!this.#scheduled) this.#schedule()
  }

  /** Sends nothing of what has not left yet. @param unsent see `Outgoing.withdraw` */
  withdraw(unsent: Map<Pending, number>) {
    for (const frame of this.#gathered.splice(0)) frame.withdraw(unsent)
    for (const { pending } of this.#held.splice(0)) unsent.set(pending, (unsent.get(pending) ?? 0) + 1)
  }

  /** Sends a turn behind all that was sent. */
  turn(number: number) {
    for (const open of this.#open.values()) open.cross()
    if (this.#isHolding) this.#release()
    this.#gathered.push(new Turn(number))
    this.#schedule()
    this.#sayAgain(number)
  }

  /** This consumer has finished all that was sent. */
  isFinishedBy(consumer: string) {
    return this.isIdle && (this.#open.get(consumer)?.isEmpty ?? true)
  }

  /** The broker has all that is to be sent. */
  get isIdle() {
    return this.#held.length === 0 && this.#gathered.length === 0 && this.#sending === 0
  }

  isLeaving(consumer: string) {
    return this.#leaving.includes(consumer)
  }

  credit(consumer: string, progress: Progress) {
    const open = this.#open.get(consumer)
    if (!open) return
    const wasBehindAll = open.behindAll !== undefined
    if (!open.finish(progress)) return
    if (wasBehindAll) this.#options.onBehindAll()
    this.#goOn()
  }

  /** These consumers will soon read nothing of this output any more: what still goes to them waits for nothing.
   *  @param isClosing some consumer will not read this lane any more */
  leave(consumers: string[], isClosing: boolean) {
    this.#leaving = consumers
    this.#closing = isClosing
    if (consumers.length > 0) this.#goOn()
  }

  /** Whether something has to leave before a consumer does. */
  get clearing() {
    return this.#closing && !this.isIdle
  }

  backlog(consumer: string): number {
    let records = this.#held.length
    for (const frame of this.#gathered) records += frame.records
    return records + (this.#open.get(consumer)?.records ?? 0)
  }

  /** The broker owes an answer. */
  get isSending() {
    return this.#sending > 0
  }

  /** The broker has not acknowledged a frame for so long, ms. */
  get unansweredMs() {
    return this.isSending ? performance.now() - this.#sentAt : 0
  }

  waitingFor(): string[] {
    return this.#readers.filter(this.#isFull)
  }

  get isHeldBack(): boolean {
    return this.#readers.some(this.#isFull)
  }

  #isFull = (consumer: string) => this.#open.get(consumer)?.isFull(this.stream.window) ?? false

  /** Once all records of this turn are in: never later, so that a lone record is not delayed. */
  #schedule() {
    if (this.#scheduled || !this.#mayLeave) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  /** What all that read it can read: a host of before this version, or of none that is known, may be among them. */
  get #version() {
    const { creditOf } = this.#options
    return Math.min(...this.stream.consumers.map(consumer => creditOf(consumer, this.reader)?.frames ?? 1))
  }

  get #inherits() {
    return this.#readers.some(consumer => this.#open.get(consumer)?.inherits)
  }

  /** Consumers that are waited for. */
  get #readers() {
    const { consumers } = this.stream
    return this.#leaving.length === 0 ? consumers : consumers.filter(one => !this.#leaving.includes(one))
  }

  /** Once: for what has come, and not before all that is known to be before it is finished. */
  #askForTurn() {
    if (this.#isTurning || this.isHeldBack) return
    this.#isTurning = true
    this.#options.turn().then(
      number => {
        this.#isTurning = false
        if (!this.#inherits || this.isHeldBack) return
        this.#send(new Turn(number))
        this.#sayAgain(number)
      },
      () => {}, // the connection is gone, and the partition with it
    )
  }

  /** Until it is finished: nothing else is sent before. */
  #sayAgain(number: number, ms = againMs) {
    clearTimeout(this.#again)
    this.#again = setTimeout(() => {
      const turn = new Turn(number)
      const isLate = this.#readers.some(consumer => this.#open.get(consumer)?.includes(turn.last))
      if (isLate && !this.isSending) this.#send(turn)
      if (isLate || this.#gathered.length > 0) this.#sayAgain(number, Math.min(2 * ms, maxAgainMs))
    }, ms).unref()
  }

  /** Some of what was waited for is finished. */
  #goOn() {
    if (this.#isHolding && !this.#inherits) this.#release()
    else if (this.#held.length > 0) this.#askForTurn()
    this.#schedule()
  }

  /** All that owners before have sent is finished, and so known. */
  #release() {
    this.#isHolding = false
    const { name } = this.#options
    this.#before = new SentBefore(this.#readers.map(consumer => this.#progressOf(consumer)?.of(name)))
    const held = this.#held.splice(0)
    for (const { cause, seq, key, emitted, pending } of held) {
      this.#options.buffer.size -= emitted.length
      this.#gather(cause, seq, key, emitted, pending)
    }
    if (held.length > 0) this.#options.onProgress()
  }

  get #mayLeave() {
    return this.#sending < maxSending
  }

  #flush() {
    while (this.#gathered.length > 0 && this.#mayLeave && !this.isHeldBack)
      this.#send(this.#gathered.shift()!)
  }

  #send(frame: Outgoing) {
    const { connection, counters, partition } = this.#options
    const { size } = frame
    const payload = frame.build(partition)
    counters.bytesOut += payload.length
    if (this.#sending === 0) this.#sentAt = performance.now()
    this.#sending += 1
    this.#remember({ last: frame.last, records: frame.records })
    connection.publish(this.topic, payload).then(
      () => {
        this.#sending -= 1
        this.#sentAt = performance.now()
        this.#options.buffer.size -= size
        frame.taken()
        if (this.behindAll) this.#options.onBehindAll()
        this.#flush()
        this.#options.onProgress()
      },
      () => {}, // the connection is gone, and the partition with it: its successor repeats what was not taken over
    )
  }

  #remember(frame: SentFrame) {
    for (const consumer of this.stream.consumers)
      this.#openTo(consumer).sent(frame, this.#progressOf(consumer))
  }

  #progressOf(consumer: string) {
    return this.#options.creditOf(consumer, this.reader)?.progress
  }

  #openTo(consumer: string): OpenFrames {
    let open = this.#open.get(consumer)
    if (!open) {
      open = new OpenFrames(this.#options.name)
      this.#open.set(consumer, open)
    }
    return open
  }
}
