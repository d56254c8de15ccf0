import type { Context } from '../../runtime/context.ts'
import { Counters } from '../../runtime/counters.ts'
import type { CursorDocument } from '../../runtime/cursor.ts'
import { FrameBuilder } from '../../runtime/frame.ts'
import { silent } from '../../runtime/log.ts'
import { MemoryTransport } from '../../runtime/memory-transport.ts'
import { Partition } from '../../runtime/partition.ts'
import type { Transport } from '../../runtime/transport.ts'
import { topics } from '../../schema/topics.ts'
import { type Wiring, wiringOf } from '../../schema/wiring.ts'
import { fn, sink, source } from './rig.ts'
import { Taken } from './taken.ts'

export interface Value {
  key: string
  n: number
}

type Handler = (value: Value, ctx: Context) => unknown

interface Manner {
  attempts?: number
  backoffMs?: number
  concurrency?: number
}

const flow = 'relaxed'

/** A partition under `retry.order: relaxed` that owners take from each other, and what a consumer of it takes in, which
 *  drops repeats. */
export class RelaxedPartition<Output = Value> {
  readonly transport = new MemoryTransport()
  readonly taken: Output[] = []
  /** Of all owners. */
  readonly counters = new Counters()
  #wiring: Wiring
  #done = new Taken('f.0')
  #owners: Partition[] = []
  #seq = 0

  constructor({ attempts = 100, backoffMs = 5, concurrency = 1 }: Manner = {}) {
    const retry = { attempts, backoffMs, timeoutMs: 60_000, order: 'relaxed' as const }
    const nodes = [
      source('in', { type: 'every', intervalMs: 1e6 }),
      fn('f', ['in'], { key: 'key', retry, concurrency }),
      sink('out', ['f'], { type: 'log' }),
    ]
    this.#wiring = { ...wiringOf({ name: flow, nodes }).get('f')!, revision: 1 }
    this.transport.publish(topics.wiring(flow, 'f'), JSON.stringify(this.#wiring), true)
  }

  /** Lets the consumer read, before anything can come. */
  async open(): Promise<this> {
    const consumer = await this.transport.connect({
      clientId: 'out',
      clean: true,
      onMessage: ({ payload, ack }) => {
        for (const { value } of this.#done.take(payload)) this.taken.push(value as Output)
        ack()
        this.#owners.at(-1)?.credit('out', '0')
      },
      onClose() {},
    })
    await consumer.subscribe([topics.data(flow, 'f', 'default', 'all', 0)], 1)
    return this
  }

  /** @param transport as this owner sees it @param onClosed once it has lost the partition */
  async own(handler: Handler, transport: Transport = this.transport, onClosed = () => {}): Promise<void> {
    const owner = new Partition({
      flow,
      node: 'f',
      partition: 0,
      cut: { partitions: 1, key: 'key' },
      name: '0',
      transport,
      wiring: this.#wiring,
      handlersOf: () => ({ default: handler as (value: unknown, ctx: Context) => unknown }),
      stateBytes: () => 1e6,
      env: {},
      log: silent,
      counters: this.counters,
      creditOf: () => ({ progress: this.#done.progress, frames: 2 }),
      onChange() {},
      onClosed,
    })
    this.#owners.push(owner)
    await owner.start()
  }

  /** In one frame. */
  send(values: Value[]) {
    const frame = new FrameBuilder()
    for (const value of values) frame.add('', ++this.#seq, 1, value.key, JSON.stringify(value))
    this.transport.publish(topics.data(flow, 'in', 'default', 'key-1', 0), frame.build(0))
  }

  /** All that was sent is finished, or waits. */
  get isThrough(): boolean {
    const [retained] = this.transport.retained(topics.credit(flow, 'f', '0'))
    if (!retained) return false
    const { lanes } = JSON.parse(retained.payload.toString()) as CursorDocument
    return Number(lanes['in.0']?.[''] ?? 0) === this.#seq
  }

  get letters(): string[] {
    return this.transport.retained(topics.deads(flow)).map(({ payload }) => payload.toString())
  }

  async close() {
    for (const owner of this.#owners) await owner.drain(100)
  }
}
