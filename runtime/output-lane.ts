import { partitionName } from '../schema/topics.ts'
import { cutOf, type Stream } from '../schema/wiring.ts'
import type { Counters } from './counters.ts'
import type { Credit, Progress } from './cursor.ts'
import type { Emitted } from './emitted.ts'
import type { Cause, Pending } from './outbox.ts'
import { type Outgoing, OutgoingFrame, Turn } from './outgoing-frame.ts'
import { compareSeq, type RecordId, type Seq } from './record-id.ts'
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
  creditOf(consumer: string, partition: string): Credit | undefined
}

interface SentFrame {
  last: RecordId
  records: number
}

/** Frames on their way to the broker. With one alone, a record would wait for the acknowledgment of the one before. */
const maxSending = 4

/** One topic that one partition writes: at most `maxSending` frames on their way to the broker, at most `window` that
 *  a consumer has not finished. What comes meanwhile gathers and leaves together in the next frame. */
export class OutputLane {
  readonly output: string
  /** Name of the consumers' partition that reads it. */
  readonly reader: string
  stream: Stream
  #options: LaneOptions
  /** Oldest first; the last one takes more records in. */
  #gathered: Outgoing[] = []
  #sending = 0
  /** When the broker last answered, or got a frame while it owed no answer. */
  #sentAt = 0
  #scheduled = false
  /** By consumer: frames that it has not finished, oldest first. */
  #open = new Map<string, SentFrame[]>()
  #leaving: string[] = []
  #closing = false

  constructor(options: LaneOptions) {
    this.#options = options
    this.output = options.output
    this.reader = partitionName(options.shard, cutOf(options.stream))
    this.stream = options.stream
  }

  add(cause: Cause, seq: Seq, key: string | undefined, emitted: Emitted, pending: Pending) {
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

  /** Sends a turn behind all that was sent. */
  turn(number: number) {
    this.#gathered.push(new Turn(number))
    this.#schedule()
  }

  /** This consumer has finished all that was sent. */
  isFinishedBy(consumer: string) {
    return this.isIdle && !this.#open.get(consumer)?.length
  }

  /** The broker has all that is to be sent. */
  get isIdle() {
    return this.#gathered.length === 0 && this.#sending === 0
  }

  isLeaving(consumer: string) {
    return this.#leaving.includes(consumer)
  }

  credit(consumer: string, progress: Progress) {
    const open = this.#open.get(consumer)
    if (!open) return
    let done = 0
    while (done < open.length && finished(open[done]!, this.#options.name, progress)) done += 1
    if (done === 0) return
    open.splice(0, done)
    this.#schedule()
  }

  /** These consumers will soon read nothing of this output any more: what still goes to them waits for nothing.
   *  @param isClosing some consumer will not read this lane any more */
  leave(consumers: string[], isClosing: boolean) {
    this.#leaving = consumers
    this.#closing = isClosing
    if (consumers.length > 0) this.#schedule()
  }

  /** Whether something has to leave before a consumer does. */
  get clearing() {
    return this.#closing && (this.#sending > 0 || this.#gathered.length > 0)
  }

  backlog(consumer: string): number {
    let records = 0
    for (const frame of this.#gathered) records += frame.records
    for (const frame of this.#open.get(consumer) ?? []) records += frame.records
    return records
  }

  /** The broker has not acknowledged a frame for so long, ms. */
  get unansweredMs() {
    return this.#sending > 0 ? performance.now() - this.#sentAt : 0
  }

  waitingFor(): string[] {
    return this.stream.consumers.filter(consumer => this.#waitsFor(consumer))
  }

  get isHeldBack(): boolean {
    return this.stream.consumers.some(consumer => this.#waitsFor(consumer))
  }

  #waitsFor(consumer: string): boolean {
    return !this.#leaving.includes(consumer) && (this.#open.get(consumer)?.length ?? 0) >= this.stream.window
  }

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

  get #mayLeave() {
    return this.#sending < maxSending
  }

  #flush() {
    while (this.#gathered.length > 0 && this.#mayLeave && !this.isHeldBack)
      this.#send(this.#gathered.shift()!)
  }

  #send(frame: Outgoing) {
    const { connection, counters, topic, partition } = this.#options
    const { size } = frame
    const payload = frame.build(partition)
    counters.bytesOut += payload.length
    if (this.#sending === 0) this.#sentAt = performance.now()
    this.#sending += 1
    this.#remember({ last: frame.last, records: frame.records })
    connection.publish(topic, payload).then(
      () => {
        this.#sending -= 1
        this.#sentAt = performance.now()
        this.#options.buffer.size -= size
        frame.taken()
        this.#flush()
        this.#options.onProgress()
      },
      () => {}, // the connection is gone, and the partition with it: its successor repeats what was not taken over
    )
  }

  #remember(frame: SentFrame) {
    for (const consumer of this.stream.consumers) {
      const progress = this.#options.creditOf(consumer, this.reader)?.progress
      if (progress && finished(frame, this.#options.name, progress)) continue // a repeat of what it has done
      const open = this.#open.get(consumer)
      if (open) open.push(frame)
      else this.#open.set(consumer, [frame])
    }
  }
}

function finished(frame: SentFrame, lane: string, progress: Progress): boolean {
  const last = progress.last(lane, frame.last.origin)
  return last !== undefined && compareSeq(frame.last.seq, last) <= 0
}
