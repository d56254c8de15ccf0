import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { Counters } from './counters.ts'
import { type CursorDocument, Progress } from './cursor.ts'
import type { Entry } from './entry.ts'
import { type Inflight, inflightOf } from './inflight.ts'
import { type Arrivals, type Intake, type Reader, readerOf } from './intake.ts'
import type { Place } from './place.ts'
import { compareSeq, originAfter, type Seq, turnOrigin } from './record-id.ts'
import type { Message } from './transport.ts'

interface AdmissionOptions extends Pick<Place, 'flow' | 'node' | 'name'> {
  log: Logger
  counters: Counters
}

export type Admitted = { inflight: Inflight; entries: Entry[] } | { wiring: Wiring }

const maxComplaints = 100

/** Opens the messages of a session: drops repeats, and what is nothing of ours. */
export class Admission {
  #options: AdmissionOptions
  #accepted: Progress
  #replays: Set<string>
  /** By topic: as many as there are subscriptions. */
  #readers = new Map<string, Reader>()
  #complaints = new Set<string>()

  constructor(options: AdmissionOptions, cursor: CursorDocument) {
    this.#options = options
    this.#accepted = new Progress(cursor.lanes)
    this.#replays = new Set(cursor.replays)
  }

  /** @param revision of the wiring in effect. @returns its records that are new, or a newer wiring */
  open(message: Message, revision: number): Admitted {
    this.#options.counters.bytesIn += message.payload.length
    let intake: Intake
    try {
      intake = this.#readerOf(message.topic)(message.payload)
    } catch (error) {
      this.#reject(message, error as Error)
      return { inflight: inflightOf(message), entries: [] }
    }
    if ('records' in intake) return this.#admit(message, intake)
    // A revision that is in effect comes again with each new subscription.
    if (intake.wiring && intake.wiring.revision > revision) return { wiring: intake.wiring }
    return { inflight: inflightOf(message), entries: [] }
  }

  #readerOf(topic: string): Reader {
    let reader = this.#readers.get(topic)
    if (!reader) {
      reader = readerOf(topic, this.#options)
      this.#readers.set(topic, reader)
    }
    return reader
  }

  #admit(message: Message, arrivals: Arrivals): Admitted {
    const { counters } = this.#options
    const { lane, records, replay, replayOf, turn } = arrivals
    const inflight = inflightOf(message, arrivals)
    const entries: Entry[] = []
    if (replay !== undefined && this.#replays.has(replay)) return { inflight, entries }
    if (replay !== undefined) this.#replays.add(replay)
    if (turn !== undefined && compareSeq(turn, this.#accepted.last(lane, turnOrigin) ?? -1) > 0) {
      inflight.last.set(turnOrigin, turn)
      this.#accepted.advance(lane, turnOrigin, turn)
      return { inflight, entries }
    }
    // A dead letter that somebody wants handled again is an origin of its own, numbered as it arrives: with its
    // first id, behind newer ones, it would be dropped.
    if (replayOf !== undefined) records[0]!.seq = Number(this.#accepted.last(lane, '') ?? 0) + 1
    let from: string | undefined
    let origin = ''
    let last: Seq | undefined
    let taken: Seq | undefined
    for (const record of records) {
      if (from !== record.origin) {
        if (taken !== undefined) inflight.last.set(from!, taken)
        taken = undefined
        from = record.origin
        origin = originAfter(from, lane)
        last = inflight.last.get(from) ?? this.#accepted.last(lane, from)
      }
      if (last !== undefined && compareSeq(record.seq, last) <= 0) {
        counters.repeats += 1
        continue
      }
      last = taken = record.seq
      if (inflight.records === 0) inflight.first = record.time
      inflight.time = record.time
      inflight.records += 1
      entries.push({ record, inflight, origin })
    }
    if (taken !== undefined) inflight.last.set(from!, taken)
    inflight.taken = inflight.records
    for (const [of, newest] of inflight.last) this.#accepted.advance(lane, of, newest)
    counters.recordsIn += inflight.records
    counters.inFlight += inflight.records
    return { inflight, entries }
  }

  /** A message that is nothing of ours is taken off the queue: it would come back for ever. */
  #reject({ topic }: Message, { message }: Error) {
    const { counters, log } = this.#options
    counters.rejected += 1
    if (this.#complaints.has(message) || this.#complaints.size >= maxComplaints) return
    this.#complaints.add(message)
    log.error('a message that is no valid frame was dropped', {
      topic,
      error: message,
      hint: 'only dyninka may publish below dyninka/: check the access rules of the broker',
    })
  }
}
