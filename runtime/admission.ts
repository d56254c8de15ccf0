import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { Counters } from './counters.ts'
import type { CursorDocument } from './cursor.ts'
import { Progress } from './cursor.ts'
import type { Entry } from './handling.ts'
import { type Inflight, inflightOf } from './inflight.ts'
import { type Intake, read } from './intake.ts'
import { originAfter, printId } from './record-id.ts'
import type { Message } from './transport.ts'

interface AdmissionOptions {
  flow: string
  node: string
  partition: number
  log: Logger
  counters: Counters
}

export type Admitted = { inflight: Inflight; entries: Entry[]; timers?: boolean } | { wiring: Wiring }

const maxComplaints = 100

/** Opens the messages of a session: drops repeats, and what is nothing of ours. */
export class Admission {
  #options: AdmissionOptions
  #accepted: Progress
  #replays: Set<string>
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
      intake = read(message, this.#options)
    } catch (error) {
      this.#reject(message, error as Error)
      return { inflight: inflightOf(message, ''), entries: [] }
    }
    if ('arrivals' in intake) return this.#admit(message, intake)
    // A revision that is in effect comes again with each new subscription.
    if (intake.wiring && intake.wiring.revision > revision) return { wiring: intake.wiring }
    return { inflight: inflightOf(message, ''), entries: [] }
  }

  #admit(message: Message, { lane, arrivals, replay }: Extract<Intake, { lane: string }>): Admitted {
    const { counters } = this.#options
    const inflight = inflightOf(message, lane)
    const entries: Entry[] = []
    if (replay !== undefined) {
      // A dead letter that somebody wants handled again is an origin of its own, numbered as it arrives: with its
      // first id, behind newer ones, it would be dropped.
      arrivals[0]!.record.seq = String(Number(this.#accepted.last(lane, '') ?? 0) + 1)
      if (this.#replays.has(replay)) arrivals.length = 0
      else this.#replays.add(replay)
      inflight.replay = replay
    }
    for (const arrival of arrivals) {
      const { record } = arrival
      if (!this.#accepted.advance(lane, record.origin, record.seq)) {
        counters.repeats += 1
        continue
      }
      inflight.last.set(record.origin, record.seq)
      inflight.time = record.time
      inflight.records += 1
      const origin = originAfter(record.origin, lane)
      entries.push({ ...arrival, inflight, origin, id: printId({ origin, seq: record.seq }) })
    }
    counters.recordsIn += inflight.records
    counters.inFlight += inflight.records
    return { inflight, entries, ...(lane === 'timer' && { timers: true }) }
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
