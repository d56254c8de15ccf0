import { decode, FrameBuilder } from '../../runtime/frame.ts'
import type { Connection, Message } from '../../runtime/transport.ts'
import { topics } from '../../schema/topics.ts'
import { Load } from './load.ts'

export interface EdgeLoadOptions {
  broker: string
  flow: string
  /** The producer that this load is, and the consumer that it is at the other end. */
  from: string
  to: string
  /** The last function, whose default output `to` reads. */
  last: string
  /** JSON of one record. */
  json: string
  recordsInFrame: number
  window: number
  perSecond?: number
}

const width = 10

/**
 * Stands at both ends of functions inside a graph: for a source with a backlog, whose frames are full, and for a
 * consumer that only writes its cursor. Frames are copies of one template in which the numbers grow, so that the
 * load costs the machine little.
 */
export function edgeLoad(options: EdgeLoadOptions): { load: Load; start(): Promise<void> } {
  const { broker, flow, from, to, last, json, recordsInFrame, window, perSecond } = options
  const frame = new FrameBuilder()
  const time = Date.now()
  for (let i = 0; i < recordsInFrame; i++) frame.add('', '0'.repeat(width), time, undefined, json)
  const template = Buffer.from(frame.build(0)) // a copy
  const places: number[] = []
  const mark = `"${'0'.repeat(width)}"`
  for (let at = template.indexOf(mark); at >= 0; at = template.indexOf(mark, at + 1)) places.push(at + 1)

  const first = 10 ** (width - 1)
  let seq = first
  let done = first - 1
  const topic = topics.data(flow, from, 'default', 'all', 0)
  const next = () => {
    const payload = Buffer.from(template)
    for (const place of places) payload.write(String(seq++), place, 'latin1')
    return { topic, payload, records: recordsInFrame }
  }
  const load = new Load({
    broker,
    outOf: topics.data(flow, last, 'default', 'all', 0),
    next,
    count({ payload }) {
      if (perSecond !== undefined) return counted(payload)
      // Of the last record in the frame: `…,"1000000041"],"t":[…`
      const end = payload.lastIndexOf('"],"t":[')
      const newest = Number(payload.toString('latin1', end - width, end))
      const records = newest - done
      done = newest
      return records
    },
    window,
    ...(perSecond !== undefined && { perSecond, timed: true }),
  })
  /** Each record once, in order: what a new owner repeats does not count, and a gap is a loss. */
  const counted = (payload: Buffer) => {
    const before = done
    for (const { seq } of decode(payload).records) {
      if (Number(seq) > done + 1) throw new Error(`record ${seq} came after ${done}`)
      done = Math.max(done, Number(seq))
    }
    return done - before
  }
  const credit = topics.credit(flow, to, 0)
  const lane = `${last}.0`
  return {
    load,
    start: () =>
      load.start(({ payload }: Message, connection: Connection) => {
        const origin = /"o":\["([^"]*)"/.exec(payload.toString('latin1', payload.length - 100))?.[1] ?? ''
        const cursor = { v: 1, lanes: { [lane]: { [origin]: String(done) } } }
        connection.publish(credit, JSON.stringify(cursor), { retain: true }).catch(() => {})
      }),
  }
}
