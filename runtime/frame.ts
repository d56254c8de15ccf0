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

/** Frames are JSON, so that `mosquitto_sub` shows them (`docs/frames.md`), in columns: the values stand beside each
 *  other, which `JSON.parse` reads a third faster than with what else a record has between them.
 *  `{"v":1,"r":[VALUE…],"p":PARTITION,"s":[SEQ…],"t":[TIME…],"o":[ORIGIN…]}`, and where they say something:
 *  `"i":[INDEX OF ORIGIN…]`, `"k":[KEY OR null…]`, `"e":[EXTERNAL TOPIC OR null…]`. */
export class FrameBuilder {
  /** The values, written at once: as text they would be carried along by the collector of garbage. */
  #bytes = spare.pop() ?? Buffer.allocUnsafe(firstBytes)
  #length = this.#bytes.write('{"v":1,"r":[')
  #columns = 0
  #seqs: string[] = []
  #times: number[] = []
  #origins: string[] = []
  #indexes: number[] = []
  #index = -1
  #keys: (string | null)[] | undefined
  #topics: (string | null)[] | undefined

  get count() {
    return this.#seqs.length
  }

  /** Bytes so far; of what is not ASCII in keys and topics, somewhat more. */
  get size() {
    return this.#length + this.#columns
  }

  /** @param json the value, already stringified */
  add(origin: string, seq: string, time: number, key: string | undefined, json: string, topic?: string) {
    if (this.#origins[this.#index] !== origin) this.#index = this.#indexOf(origin)
    if (key !== undefined) this.#keys ??= new Array(this.count).fill(null)
    if (topic !== undefined) this.#topics ??= new Array(this.count).fill(null)
    if (this.count > 0) this.#write(',')
    this.#write(json)
    this.#indexes.push(this.#index)
    this.#seqs.push(seq)
    this.#times.push(time)
    this.#keys?.push(key ?? null)
    this.#topics?.push(topic ?? null)
    this.#columns += seq.length + (key?.length ?? 0) + (topic?.length ?? 0) + perRecord
  }

  /** The frame, to be called once. It is overwritten by another frame as soon as there is one: copy it before. */
  build(partition: number): Buffer {
    const columns = {
      p: partition,
      s: this.#seqs,
      t: this.#times,
      o: this.#origins,
      ...(this.#origins.length > 1 && { i: this.#indexes }),
      ...(this.#keys && { k: this.#keys }),
      ...(this.#topics && { e: this.#topics }),
    }
    this.#write(`],${JSON.stringify(columns).slice(1)}`)
    if (spare.length < maxSpare && this.#bytes.length <= maxSpareBytes) spare.push(this.#bytes)
    return this.#bytes.subarray(0, this.#length)
  }

  #write(text: string) {
    // A UTF-16 unit is at most three bytes of UTF-8.
    if (this.#length + 3 * text.length > this.#bytes.length) this.#makeRoom(Buffer.byteLength(text))
    this.#length += this.#bytes.write(text, this.#length)
  }

  #makeRoom(bytes: number) {
    const needed = this.#length + bytes
    if (needed <= this.#bytes.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * this.#bytes.length, needed))
    this.#bytes.copy(larger, 0, 0, this.#length)
    this.#bytes = larger
  }

  #indexOf(origin: string): number {
    const index = this.#origins.indexOf(origin)
    return index >= 0 ? index : this.#origins.push(origin) - 1
  }
}

/** Of one record of a usual size. */
const firstBytes = 512
/** Of a time, and what is between columns. */
const perRecord = 24
/** Buffers of frames that have left, to be used again. */
const spare: Buffer[] = []
const maxSpare = 8
const maxSpareBytes = 256 * 1024

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
  const { p: partition, r: values } = frame
  if (!Array.isArray(values)) throw new FrameError('frame without records')
  const columns = {
    seqs: columnOf(frame.s, 'ids', values),
    times: columnOf(frame.t, 'times', values),
    indexes: frame.i === undefined ? undefined : columnOf(frame.i, 'origins', values),
    keys: frame.k === undefined ? undefined : columnOf(frame.k, 'keys', values),
    topics: frame.e === undefined ? undefined : columnOf(frame.e, 'topics', values),
    origins: Array.isArray(frame.o) ? frame.o : [],
  }
  const records = new Array<EdgeRecord>(values.length)
  for (let i = 0; i < values.length; i++) records[i] = recordOf(values[i], columns, i)
  return { partition, records }
}

const versionOf = (v: unknown) => (['number', 'string'].includes(typeof v) ? String(v).slice(0, 20) : 'none')

function parse(payload: Buffer): { p: number } & Record<string, unknown> {
  let frame: unknown
  try {
    frame = JSON.parse(payload.toString())
  } catch {
    throw new FrameError('frame that is not JSON, or truncated')
  }
  if (frame === null || typeof frame !== 'object') throw new FrameError('frame that is not an object')
  return frame as ReturnType<typeof parse>
}

function columnOf(column: unknown, name: string, { length }: unknown[]): unknown[] {
  if (Array.isArray(column) && column.length === length) return column
  throw new FrameError(`frame without as many ${name} as records`)
}

interface Columns {
  seqs: unknown[]
  times: unknown[]
  indexes: unknown[] | undefined
  keys: unknown[] | undefined
  topics: unknown[] | undefined
  origins: unknown[]
}

function recordOf(value: unknown, columns: Columns, i: number): EdgeRecord {
  const seq = columns.seqs[i]
  const time = columns.times[i]
  const key = columns.keys?.[i] ?? null
  const topic = columns.topics?.[i]
  const origin = columns.origins[columns.indexes ? (columns.indexes[i] as number) : 0]
  if (typeof origin !== 'string' || origin.length > maxOriginLength)
    throw new FrameError(`record ${i} has an unknown origin`)
  if (typeof seq !== 'string' || seq.length > maxSeqLength || !seqPattern.test(seq))
    throw new FrameError(`record ${i} has no valid id`)
  if (typeof time !== 'number' || !Number.isFinite(time)) throw new FrameError(`record ${i} has no time`)
  if (key !== null && typeof key !== 'string') throw new FrameError(`record ${i} has a key that is no text`)
  const record: EdgeRecord = { origin, seq, time, value }
  if (key !== null) record.key = key
  if (typeof topic === 'string') record.topic = topic
  return record
}
