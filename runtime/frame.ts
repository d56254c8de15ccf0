import type { Flat } from './flat.ts'
import { FrameError } from './frame-error.ts'
import { type Seq, seqFrom } from './record-id.ts'
import { Tables, valuesOf } from './tables.ts'

/** One record on an edge. */
export interface EdgeRecord {
  origin: string
  seq: Seq
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
  /** Instead of records: the producer will go on by another broker, and waits until this is finished here. Grows. */
  turn?: number
}

/** The newest that a host reads. A producer writes what all consumers have said that they can read. */
export const frameVersion = 2

/** `{"v":1,"p":PARTITION,"turn":NUMBER}`; a host that does not know it drops it. */
export const turnFrame = (partition: number, turn: number) =>
  Buffer.from(JSON.stringify({ v: 1, p: partition, turn }))

/** Frames are JSON, so that `mosquitto_sub` shows them (`docs/frames.md`), in columns: the values stand beside each
 *  other, which `JSON.parse` reads a third faster than with what else a record has between them.
 *  `{"v":2,"r":[VALUE…],"p":PARTITION,"s":[SEQ, OR STEP FROM THE ONE BEFORE…],"t":TIME,"o":[ORIGIN…]}`, and where they
 *  say something: `"c":[TABLE…]` with values that are flat, `"g":[NUMBER OF TABLE, OR -1…]`, `"d":[TIME AFTER "t"…]`,
 *  `"n":RECORDS` where the last steps, which are 1, are left out,
 *  `"i":[INDEX OF ORIGIN…]`, `"k":[KEY OR null…]`, `"e":[EXTERNAL TOPIC OR null…]`. */
export class FrameBuilder {
  /** The values, written at once: as text they would be carried along by the collector of garbage. */
  #bytes = spare.pop() ?? Buffer.allocUnsafe(firstBytes)
  #version: number
  #length: number
  /** Values written so. */
  #written = 0
  /** Values that are flat, while they are too few for tables; absent once there may be some. */
  #few: Flat[] | undefined = []
  #tables: Tables | undefined
  /** Table of each value, or -1; absent while all are in the first, or none in any. */
  #places: number[] | undefined
  #columns = 0
  /** As text, or as the step from the one before: small numbers are written and read in a fifth of the time. At the end,
   *  steps of 1 are left out. */
  #seqs: Seq[] = []
  #seq: Seq = ''
  /** Steps of 1 behind those. */
  #ones = 0
  #time = 0
  #delays: number[] | undefined
  #origins: string[] = []
  /** Of the origin of each; absent while there is one. */
  #indexes: number[] | undefined
  #index = -1
  #count = 0
  #keys: (string | null)[] | undefined
  #topics: (string | null)[] | undefined

  /** @param version the newest that all who read it can read: 1 has neither tables nor `n` */
  constructor(version: number = frameVersion) {
    this.#version = Math.max(1, Math.min(version, frameVersion))
    this.#length = this.#bytes.write(`{"v":${this.#version},"r":[`)
  }

  get count() {
    return this.#count
  }

  /** Bytes so far; of what is not ASCII in keys and topics, somewhat more. */
  get size() {
    return this.#length + this.#columns
  }

  /** @param value already stringified; or flat, and of this `length` as JSON: it is copied */
  add(
    origin: string,
    seq: Seq,
    time: number,
    key: string | undefined,
    value: string | Flat,
    topic?: string,
    length = 0,
  ) {
    const { count } = this
    if (this.#origins[this.#index] !== origin) this.#index = this.#indexOf(origin)
    if (this.#index > 0) this.#indexes ??= new Array(count).fill(0)
    if (key !== undefined) this.#keys ??= new Array(count).fill(null)
    if (topic !== undefined) this.#topics ??= new Array(count).fill(null)
    if (count === 0) this.#time = time
    else if (time !== this.#time) this.#delays ??= new Array(count).fill(0)
    this.#place(this.#version === 1 && typeof value !== 'string' ? JSON.stringify(value) : value, length)
    this.#indexes?.push(this.#index)
    this.#number(seq)
    this.#delays?.push(time - this.#time)
    this.#keys?.push(key ?? null)
    this.#topics?.push(topic ?? null)
    this.#count += 1
    const digits = typeof seq === 'string' ? seq.length : 0
    this.#columns += digits + (key?.length ?? 0) + (topic?.length ?? 0) + perRecord
  }

  /** The frame, to be called once. It is overwritten by another frame as soon as there is one: copy it before. */
  build(partition: number): Buffer {
    for (const value of this.#few ?? []) this.#writeValue(JSON.stringify(value))
    const columns = {
      ...(this.#tables && { c: this.#tables }),
      ...(this.#tables && this.#places && { g: this.#places }),
      p: partition,
      ...(this.#ones > 0 && { n: this.#count }),
      s: this.#seqs,
      t: this.#time,
      o: this.#origins,
      ...(this.#delays && { d: this.#delays }),
      ...(this.#indexes && { i: this.#indexes }),
      ...(this.#keys && { k: this.#keys }),
      ...(this.#topics && { e: this.#topics }),
    }
    this.#write(']')
    const brace = this.#length
    this.#write(JSON.stringify(columns))
    this.#bytes[brace] = comma
    if (spare.length < maxSpare && this.#bytes.length <= maxSpareBytes) spare.push(this.#bytes)
    return this.#bytes.subarray(0, this.#length)
  }

  #number(seq: Seq) {
    const step = typeof seq === 'number' && typeof this.#seq === 'number' ? seq - this.#seq : String(seq)
    this.#seq = seq
    if (step === 1 && this.#version > 1) {
      this.#ones += 1
      return
    }
    for (; this.#ones > 0; this.#ones--) this.#seqs.push(1)
    this.#seqs.push(step)
  }

  #place(value: string | Flat, length: number) {
    if (typeof value !== 'string' && this.#few) {
      this.#columns += length
      if (this.#few.push({ ...value }) === worthTables) this.#tabulate(this.#few)
      return
    }
    if (this.#few) this.#tabulate(this.#few)
    if (this.#put(value, this.#count)) this.#columns += length
  }

  #tabulate(few: Flat[]) {
    this.#few = undefined
    for (let i = 0; i < few.length; i++) this.#put(few[i]!, i)
  }

  /** @returns whether it is in a table, or else written */
  #put(value: string | Flat, i: number): boolean {
    const before = this.#tables ? 0 : -1
    let place = -1
    if (typeof value !== 'string') {
      this.#tables ??= new Tables()
      place = this.#tables.add(value)
    }
    if (this.#tables && place !== before && i > 0) this.#places ??= new Array(i).fill(before)
    this.#places?.push(place)
    if (place >= 0) return true
    this.#writeValue(typeof value === 'string' ? value : JSON.stringify(value))
    return false
  }

  #writeValue(json: string) {
    this.#write(json, this.#written > 0)
    this.#written += 1
  }

  #write(text: string, isNext = false) {
    // A UTF-16 unit is at most three bytes of UTF-8; what is short is not worth counting them.
    if (this.#length + 1 + 3 * text.length > this.#bytes.length)
      this.#makeRoom(1 + (text.length < uncounted ? 3 * text.length : Buffer.byteLength(text)))
    if (isNext) this.#bytes[this.#length++] = comma
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

/** With fewer flat values, tables would be longer, and worse to read. */
const worthTables = 4
/** Of one record of a usual size. */
const firstBytes = 512
/** Of numbers, and what is between columns. */
const perRecord = 12
const uncounted = 64 * 1024
const comma = 0x2c
/** Buffers of frames that have left, to be used again. */
const spare: Buffer[] = []
const maxSpare = 8
const maxSpareBytes = 256 * 1024

/** Over the largest record there can be, with all its characters of three bytes. */
const maxFrameBytes = 8 * 1024 * 1024
/** A hundred functions in a row make no longer way. */
const maxOriginLength = 16_384

/** @throws FrameError saying what is wrong with the payload */
export function decode(payload: Buffer): Frame {
  if (payload.length > maxFrameBytes)
    throw new FrameError(`frame that is too large: the limit is ${maxFrameBytes} bytes`)
  const frame = parse(payload)
  if (frame.v !== 1 && frame.v !== frameVersion)
    throw new FrameError(`frame of version ${versionOf(frame.v)}: this host reads 1 to ${frameVersion}`)
  if (!Number.isSafeInteger(frame.p) || frame.p < 0)
    throw new FrameError('frame without the partition of its producer')
  const { p: partition, t: time, o: origins, turn } = frame
  if (turn !== undefined) {
    if (!Number.isSafeInteger(turn)) throw new FrameError('frame with a turn that is no number')
    return { partition, records: [], turn: turn as number }
  }
  const values = valuesOf(frame.r, frame.c, frame.g)
  if (typeof time !== 'number' || !Number.isFinite(time)) throw new FrameError('frame without a time')
  const columns = {
    time,
    origins: Array.isArray(origins) ? origins : [],
    delays: frame.d === undefined ? undefined : columnOf(frame.d, 'times', values),
    indexes: frame.i === undefined ? undefined : columnOf(frame.i, 'origins', values),
    keys: frame.k === undefined ? undefined : columnOf(frame.k, 'keys', values),
    topics: frame.e === undefined ? undefined : columnOf(frame.e, 'topics', values),
  }
  const steps = stepsOf(frame.s, frame.n, values)
  const records = new Array<EdgeRecord>(values.length)
  let seq: Seq | undefined
  for (let i = 0; i < values.length; i++) {
    const step = i < steps.length ? steps[i] : 1
    if (typeof step !== 'number') seq = typeof step === 'string' ? seqFrom(step) : undefined
    else seq = typeof seq === 'number' ? seqFrom(seq + step) : undefined
    if (seq === undefined) throw new FrameError(`record ${i} has no valid id`)
    records[i] = recordOf(seq, values[i], columns, i)
  }
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

/** @param n of the records, where the last steps, which are 1, are left out */
function stepsOf(steps: unknown, n: unknown, values: unknown[]): unknown[] {
  if (n === undefined) return columnOf(steps, 'ids', values)
  if (n === values.length && Array.isArray(steps) && steps.length < n) return steps
  throw new FrameError('frame without as many records as it says')
}

interface Columns {
  time: number
  origins: unknown[]
  delays: unknown[] | undefined
  indexes: unknown[] | undefined
  keys: unknown[] | undefined
  topics: unknown[] | undefined
}

function recordOf(seq: Seq, value: unknown, columns: Columns, i: number): EdgeRecord {
  const time = columns.delays ? columns.time + (columns.delays[i] as number) : columns.time
  const key = columns.keys?.[i] ?? null
  const topic = columns.topics?.[i]
  const origin = columns.origins[columns.indexes ? (columns.indexes[i] as number) : 0]
  if (typeof origin !== 'string' || origin.length > maxOriginLength)
    throw new FrameError(`record ${i} has an unknown origin`)
  if (typeof time !== 'number' || !Number.isFinite(time)) throw new FrameError(`record ${i} has no time`)
  if (key !== null && typeof key !== 'string') throw new FrameError(`record ${i} has a key that is no text`)
  const record: EdgeRecord = { origin, seq, time, value }
  if (key !== null) record.key = key
  if (typeof topic === 'string') record.topic = topic
  return record
}
