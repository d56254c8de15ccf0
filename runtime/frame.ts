import { seqPattern } from './record-id.ts'

/** One record on an edge. */
export interface EdgeRecord {
  origin: string
  seq: string
  key?: string
  /** Event time, ms since the epoch. */
  time: number
  value: unknown
  /** External topic on which a source read it; only on a source's own edges. */
  topic?: string
}

export interface Frame {
  /** Partition of the producer. */
  partition: number
  records: EdgeRecord[]
}

/** Frames are JSON, so that `mosquitto_sub` shows them (`docs/frames.md`):
 *  `{"v":1,"p":PARTITION,"o":[ORIGIN…],"r":[[INDEX OF ORIGIN,SEQ,TIME,KEY OR null,VALUE,TOPIC?]…]}` */
export class FrameBuilder {
  /** Grows as a rope: its parts are copied once, when the frame leaves. */
  #text = ''
  #count = 0
  #origins: string[] = []
  #index = -1
  /** What comes before the seq of a record of this origin. */
  #head = ''

  get count() {
    return this.#count
  }

  /** Length so far in UTF-16 units: what a limit on memory needs, not the exact bytes. */
  get size() {
    return this.#text.length
  }

  /** @param json the value, already stringified */
  add(origin: string, seq: string, time: number, key: string | undefined, json: string, topic?: string) {
    if (this.#origins[this.#index] !== origin) {
      this.#index = this.#indexOf(origin)
      this.#head = `,[${this.#index},"`
    }
    this.#text += this.#head
    this.#text += seq
    this.#text += '",'
    this.#text += time
    this.#text += key === undefined ? ',null,' : `,${JSON.stringify(key)},`
    this.#text += json
    this.#text += topic === undefined ? ']' : `,${JSON.stringify(topic)}]`
    this.#count += 1
  }

  build(partition: number): string {
    return `{"v":1,"p":${partition},"o":${JSON.stringify(this.#origins)},"r":[${this.#text.slice(1)}]}`
  }

  #indexOf(origin: string): number {
    const index = this.#origins.indexOf(origin)
    return index >= 0 ? index : this.#origins.push(origin) - 1
  }
}

/** A payload that is no frame of ours: never the host's crash, always counted and said once. */
export class FrameError extends Error {}

/** Over the largest record there can be, with all its characters of three bytes. */
const maxFrameBytes = 8 * 1024 * 1024
/** A hundred functions in a row make longer ids neither of records nor of their ways. */
const maxSeqLength = 1_024
const maxOriginLength = 16_384

/** @throws FrameError saying what is wrong with the payload */
export function decode(payload: Buffer): Frame {
  if (payload.length > maxFrameBytes)
    throw new FrameError(`frame that is too large: the limit is ${maxFrameBytes} bytes`)
  const frame = parse(payload)
  if (frame.v !== 1) throw new FrameError(`frame of version ${versionOf(frame.v)}: this host reads version 1`)
  if (!Number.isSafeInteger(frame.p) || frame.p < 0)
    throw new FrameError('frame without the partition of its producer')
  if (!Array.isArray(frame.o) || !Array.isArray(frame.r))
    throw new FrameError('frame without origins or records')
  const { p: partition, o: origins, r: entries } = frame
  const records = new Array<EdgeRecord>(entries.length)
  for (let i = 0; i < entries.length; i++) records[i] = recordOf(entries[i], origins, i)
  return { partition, records }
}

const versionOf = (v: unknown) => (['number', 'string'].includes(typeof v) ? String(v).slice(0, 20) : 'none')

function parse(payload: Buffer): { v: unknown; p: number; o: unknown[]; r: unknown[] } {
  let frame: unknown
  try {
    frame = JSON.parse(payload.toString())
  } catch {
    throw new FrameError('frame that is not JSON, or truncated')
  }
  if (frame === null || typeof frame !== 'object') throw new FrameError('frame that is not an object')
  return frame as ReturnType<typeof parse>
}

function recordOf(entry: unknown, origins: unknown[], position: number): EdgeRecord {
  if (!Array.isArray(entry) || entry.length < 5)
    throw new FrameError(`record ${position} is not a list of five`)
  const seq: unknown = entry[1]
  const time: unknown = entry[2]
  const key: unknown = entry[3]
  const origin = typeof entry[0] === 'number' ? origins[entry[0]] : undefined
  if (typeof origin !== 'string' || origin.length > maxOriginLength)
    throw new FrameError(`record ${position} has an unknown origin`)
  if (typeof seq !== 'string' || seq.length > maxSeqLength || !seqPattern.test(seq))
    throw new FrameError(`record ${position} has no valid id`)
  if (typeof time !== 'number' || !Number.isFinite(time))
    throw new FrameError(`record ${position} has no time`)
  if (key !== null && typeof key !== 'string')
    throw new FrameError(`record ${position} has a key that is no text`)
  const record: EdgeRecord = { origin, seq, time, value: entry[4] }
  if (key !== null) record.key = key
  if (typeof entry[5] === 'string') record.topic = entry[5]
  return record
}
