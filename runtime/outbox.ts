import { isDeepStrictEqual } from 'node:util'
import { topics } from '../schema/topics.ts'
import type { Stream, Wiring } from '../schema/wiring.ts'
import type { Counters } from './counters.ts'
import { type Crosser, Crossing } from './crossing.ts'
import type { Credit } from './cursor.ts'
import type { Emitted } from './emitted.ts'
import { keyAt, shardOf } from './key.ts'
import { OutputLane } from './output-lane.ts'
import { derivedSeq, type RecordId, type Seq } from './record-id.ts'
import type { Connection } from './transport.ts'

/** What waits for outputs to be acknowledged: one input frame. */
export interface Pending {
  outputs: number
}

/** The record that outputs come from, with the origin that they have. */
export interface Cause extends RecordId {
  time: number
  key?: string | undefined
  topic?: string | undefined
}

interface OutboxOptions {
  flow: string
  node: string
  partition: number
  /** To the broker of a zone, or to the dataflow's own. */
  connectionTo(broker: string | undefined): Connection
  counters: Counters
  /** Outputs of this pending input, or room in the outbox, may have come free. */
  onProgress(): void
  /** How far a consumer's partition has come, as last heard. */
  creditOf(consumer: string, partition: string): Credit | undefined
  /** A number that none before had, over all owners. */
  turn(): Promise<number>
  /** To be stored for who comes next. */
  onBehindAll(behindAll: BehindAll | undefined): void
}

/** By topic of a lane and by consumer: see `OpenFrames`. */
export type BehindAll = Record<string, Record<string, RecordId>>

/** A consumer that works has finished a frame by then. */
const soonMs = 25
/** A broker that takes so long to acknowledge a frame is worth a word in `dyninka status`. */
const lateMs = 3_000
/** Memory for records that cannot leave yet: intake stops above it. */
const maxBuffered = 512 * 1024

/** All outputs of one partition: cuts them into streams and shards, each a lane with frames in order. */
export class Outbox {
  #options: OutboxOptions
  /** By output: its streams, each with the lanes that it has so far. */
  #outputs = new Map<string, { stream: Stream; lanes: (OutputLane | undefined)[] }[]>()
  #lanes = new Map<string, OutputLane>()
  #crossing: Crossing | undefined
  #turning: Promise<number> | undefined
  /** As last stored. */
  #behindAll: BehindAll | undefined
  #telling: NodeJS.Timeout | undefined
  /** Of all lanes: a look at it is for each record. */
  #buffer = { size: 0 }

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** An owner before has sent by these streams. @param known what it stored */
  inherit(outputs: Record<string, Stream[]>, known: BehindAll | undefined) {
    this.#behindAll = known
    for (const [output, streams] of Object.entries(outputs))
      for (const stream of streams)
        for (let shard = 0; shard < stream.shards; shard++) {
          const lane = this.#lane(output, stream, shard)
          lane.inherit(known?.[lane.topic])
        }
  }

  /** Not at once: it is rarely to be stored. */
  #changeBehindAll() {
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined
      const entries = [...this.#lanes.values()].flatMap(({ topic, behindAll }) =>
        behindAll ? [[topic, behindAll] as const] : [],
      )
      const behindAll = entries.length > 0 ? Object.fromEntries(entries) : undefined
      if (isDeepStrictEqual(behindAll, this.#behindAll)) return
      this.#behindAll = behindAll
      this.#options.onBehindAll(behindAll)
    }, soonMs)
  }

  /** What comes after the streams in effect. Who will not read on is not waited for: a consumer that is removed
   *  because it is stuck would hold up its own removal. One that will read another stream still reads this one. */
  expect(outputs: Record<string, Stream[]>) {
    for (const lane of this.#lanes.values()) {
      const streams = outputs[lane.output] ?? []
      const same = streams.find(({ name }) => name === lane.stream.name)?.consumers ?? []
      const all = streams.flatMap(({ consumers }) => consumers)
      const isLost = (consumer: string) => !all.includes(consumer)
      lane.leave(
        lane.stream.consumers.filter(isLost),
        lane.stream.consumers.some(consumer => !same.includes(consumer)),
      )
    }
    this.#crossing?.look()
  }

  /** Resolves once consumers that will read an output by another broker, or by another stream where those have no order
   *  either, have finished all that they were sent before. Nothing may be sent meanwhile. */
  async cross(next: Pick<Wiring, 'outputs' | 'unordered'>): Promise<void> {
    const crossers = this.#crossers(next)
    if (crossers.length === 0) return
    this.#crossing = new Crossing(crossers, await this.#options.turn())
    await this.#crossing.done.finally(() => {
      this.#crossing = undefined
    })
  }

  close() {
    clearTimeout(this.#telling)
    for (const lane of this.#lanes.values()) lane.close()
  }

  #crossers({ outputs, unordered }: Pick<Wiring, 'outputs' | 'unordered'>): Crosser[] {
    const way = ({ broker, name }: Stream) => (unordered ? name : broker)
    return [...this.#outputs].flatMap(([output, streams]) =>
      streams.flatMap(({ stream }) => {
        const consumers = stream.consumers.filter(consumer => {
          const next = outputs[output]?.find(({ consumers }) => consumers.includes(consumer))
          return next !== undefined && way(next) !== way(stream)
        })
        if (consumers.length === 0) return []
        const lanes = Array.from({ length: stream.shards }, (_, shard) => this.#lane(output, stream, shard))
        return [{ consumers, lanes }]
      }),
    )
  }

  #progress() {
    this.#crossing?.look()
    this.#options.onProgress()
  }

  /** Records are on their way to a consumer that `expect` told will not read on. */
  get clearing(): boolean {
    return [...this.#lanes.values()].some(lane => lane.clearing)
  }

  /** Takes effect for the next record. Call only when nothing is on its way to who is left out. */
  rewire(outputs: Record<string, Stream[]>) {
    this.#outputs = new Map(
      Object.entries(outputs).map(([output, streams]) => [
        output,
        streams.map(stream => ({ stream, lanes: [] })),
      ]),
    )
    const wanted = new Set(
      Object.entries(outputs).flatMap(([output, streams]) =>
        streams.map(stream => `${output}/${stream.name}`),
      ),
    )
    for (const [topic, lane] of this.#lanes) {
      const stream = outputs[lane.output]?.find(({ name }) => name === lane.stream.name)
      if (wanted.has(`${lane.output}/${lane.stream.name}`) && stream) {
        lane.follow(stream)
      } else {
        lane.close()
        this.#lanes.delete(topic)
      }
    }
  }

  /** Some consumer has as much as it may have, unfinished. */
  get isHeldBack(): boolean {
    for (const lane of this.#lanes.values()) if (lane.isHeldBack) return true
    return false
  }

  get full(): boolean {
    return this.#buffer.size > maxBuffered
  }

  /** Sends the outputs of one call, in order; `pending.outputs` counts down as the broker takes them over. */
  send(emitted: Emitted[], cause: Cause, pending: Pending) {
    for (let position = 0; position < emitted.length; position++) {
      const one = emitted[position]!
      const streams = this.#outputs.get(one.output)
      if (!streams || streams.length === 0) continue
      const seq = derivedSeq(cause.origin, cause.seq, position)
      this.#options.counters.recordsOut += 1
      for (const { stream, lanes } of streams) {
        const key = stream.key === undefined ? cause.key : keyAt(one.value, stream.key)
        const shard = shardFor(stream, key, cause.origin, seq)
        lanes[shard] ??= this.#lane(one.output, stream, shard)
        pending.outputs += 1
        lanes[shard].add(cause, seq, key, one, pending)
      }
    }
  }

  /** Sends nothing of what has not left yet. @returns how many outputs of each input that is */
  withdraw(): Map<Pending, number> {
    const unsent = new Map<Pending, number>()
    for (const lane of this.#lanes.values()) lane.withdraw(unsent)
    return unsent
  }

  /** The broker owes an answer. */
  get isSending() {
    return [...this.#lanes.values()].some(lane => lane.isSending)
  }

  /** In effect. */
  get streams(): Stream[] {
    return [...this.#outputs.values()].flat().map(({ stream }) => stream)
  }

  /** A consumer's partition has come further. */
  credit(consumer: string, partition: string) {
    const progress = this.#options.creditOf(consumer, partition)?.progress
    if (!progress) return
    const wasHeldBack = this.isHeldBack
    for (const lane of this.#lanes.values()) {
      if (lane.reader === partition && lane.stream.consumers.includes(consumer))
        lane.credit(consumer, progress)
    }
    this.#crossing?.look()
    if (wasHeldBack && !this.isHeldBack) this.#options.onProgress()
  }

  /** By consumer: records sent to it and not finished there. */
  backlog(): Record<string, number> {
    const total: Record<string, number> = {}
    for (const lane of this.#lanes.values()) {
      for (const consumer of lane.stream.consumers) {
        total[consumer] = (total[consumer] ?? 0) + lane.backlog(consumer)
      }
    }
    return total
  }

  /** Consumers that hold this partition back, or a broker that is late. */
  waitingFor(): string[] {
    const lanes = [...this.#lanes.values()]
    const late = lanes.some(lane => lane.unansweredMs > lateMs) ? ['the broker to answer'] : []
    const crossing = this.#crossing?.waitingFor ?? []
    return [...new Set([...late, ...crossing, ...lanes.flatMap(lane => lane.waitingFor())])]
  }

  /** One for all lanes that ask at the same time. */
  #turn(): Promise<number> {
    this.#turning ??= this.#options.turn().finally(() => {
      this.#turning = undefined
    })
    return this.#turning
  }

  #lane(output: string, stream: Stream, shard: number): OutputLane {
    const { flow, node, partition } = this.#options
    const topic = topics.data(flow, node, output, stream.name, shard)
    let lane = this.#lanes.get(topic)
    if (!lane) {
      lane = new OutputLane({
        ...this.#options,
        buffer: this.#buffer,
        connection: this.#options.connectionTo(stream.broker),
        onProgress: () => this.#progress(),
        onBehindAll: () => this.#changeBehindAll(),
        turn: () => this.#turn(),
        topic,
        output,
        stream,
        shard,
        name: laneName(node, output, partition),
      })
      this.#lanes.set(topic, lane)
    }
    return lane
  }
}

function shardFor({ key, shards }: Stream, value: string | undefined, origin: string, seq: Seq): number {
  if (shards === 1) return 0
  return shardOf(key === undefined ? `${origin}:${seq}` : (value ?? ''), shards)
}

/** Name of the lane on which a consumer reads one partition of one output. */
export const laneName = (node: string, output: string, partition: number) =>
  output === 'default' ? `${node}.${partition}` : `${node}.${output}.${partition}`
