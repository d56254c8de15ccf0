import type { Stream } from '../schema/wiring.ts'
import type { Counters } from './counters.ts'
import type { Progress } from './cursor.ts'
import { FrameBuilder } from './frame.ts'
import type { Pending } from './outbox.ts'
import { compareSeq, type RecordId } from './record-id.ts'
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
  onProgress(): void
  progressOf(consumer: string, shard: number): Progress | undefined
}

interface QueuedRecord {
  id: RecordId
  body: string
  pending: Pending
}

interface SentFrame {
  last: RecordId
  records: number
}

const maxFrameSize = 64 * 1024
const maxFrameRecords = 512

/** One topic that one partition writes: at most one frame on its way to the broker, at most `window` frames
 *  that a consumer has not finished. What comes meanwhile gathers and leaves together in the next frame. */
export class OutputLane {
  readonly output: string
  readonly shard: number
  stream: Stream
  #options: LaneOptions
  #queue: QueuedRecord[] = []
  #buffered = 0
  #sending = false
  #scheduled = false
  /** By consumer: frames that it has not finished, oldest first. */
  #open = new Map<string, SentFrame[]>()
  #leaving: string[] = []

  constructor(options: LaneOptions) {
    this.#options = options
    this.output = options.output
    this.shard = options.shard
    this.stream = options.stream
  }

  get buffered() {
    return this.#buffered
  }

  add(id: RecordId, body: string, pending: Pending) {
    this.#queue.push({ id, body, pending })
    this.#buffered += body.length
    this.#schedule()
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

  /** These consumers will soon not read this lane any more: what still goes to them waits for nothing. */
  leave(consumers: string[]) {
    this.#leaving = consumers
    if (consumers.length > 0) this.#schedule()
  }

  /** Whether something has to leave before a consumer does. */
  get clearing() {
    return this.#leaving.length > 0 && (this.#sending || this.#queue.length > 0)
  }

  backlog(consumer: string): number {
    let records = this.#queue.length
    for (const frame of this.#open.get(consumer) ?? []) records += frame.records
    return records
  }

  waitingFor(): string[] {
    return this.stream.consumers.filter(
      consumer =>
        !this.#leaving.includes(consumer) && (this.#open.get(consumer)?.length ?? 0) >= this.stream.window,
    )
  }

  /** Once all records of this turn are in: never later, so that a lone record is not delayed. */
  #schedule() {
    if (this.#scheduled || this.#sending) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#flush()
    })
  }

  #flush() {
    if (this.#sending || this.#queue.length === 0 || this.waitingFor().length > 0) return
    const { connection, counters, topic, partition } = this.#options
    const frame = new FrameBuilder()
    const sent: QueuedRecord[] = []
    for (const record of this.#queue) {
      if (
        frame.count > 0 &&
        (frame.count >= maxFrameRecords || frame.size + record.body.length > maxFrameSize)
      )
        break
      frame.add(record.id.origin, record.body)
      sent.push(record)
    }
    this.#queue.splice(0, sent.length)
    const payload = frame.build(partition)
    counters.bytesOut += payload.length
    this.#sending = true
    this.#remember({ last: sent.at(-1)!.id, records: sent.length })
    connection.publish(topic, payload).then(
      () => {
        this.#sending = false
        for (const { body, pending } of sent) {
          this.#buffered -= body.length
          pending.outputs -= 1
        }
        this.#flush()
        this.#options.onProgress()
      },
      () => {}, // the connection is gone, and the partition with it: its successor repeats what was not taken over
    )
  }

  #remember(frame: SentFrame) {
    for (const consumer of this.stream.consumers) {
      const progress = this.#options.progressOf(consumer, this.shard)
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
