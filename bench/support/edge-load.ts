import type { Flat } from '../../runtime/flat.ts'
import { FrameBuilder } from '../../runtime/frame.ts'
import { turnOrigin } from '../../runtime/record-id.ts'
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
  /** The value of record n of a frame: flat. */
  recordOf(n: number): Flat
  recordsInFrame: number
  window: number
  perSecond?: number
}

const maxTurnLength = 60
/** How often a partition writes its cursor under load. */
const commitMs = 10

/**
 * Stands at both ends of functions inside a graph: for a source with a backlog, whose frames are full, and for a
 * consumer that only writes its cursor. Frames are copies of one template in which the first number grows, so that the
 * load costs the machine little.
 */
export function edgeLoad(options: EdgeLoadOptions): { load: Load; start(): Promise<void> } {
  const { broker, flow, from, to, last, recordOf, recordsInFrame, window, perSecond } = options
  const frame = new FrameBuilder()
  const time = Date.now()
  const first = 1_000_000_000
  for (let i = 0; i < recordsInFrame; i++) frame.add('', first + i, time, undefined, recordOf(i))
  const template = Buffer.from(frame.build(0)) // a copy
  const place = template.lastIndexOf(`"s":["${first}"`) + '"s":["'.length

  let seq = first
  let done = first - 1
  let turn = 0
  let origin = ''
  const topic = topics.data(flow, from, 'default', 'all', 0)
  const next = () => {
    const payload = Buffer.from(template)
    payload.write(String(seq), place, 'latin1')
    seq += recordsInFrame
    return { topic, payload, records: recordsInFrame }
  }
  const load = new Load({
    broker,
    outOf: topics.data(flow, last, 'default', 'all', 0),
    next,
    count({ payload }) {
      if (payload.length < maxTurnLength && payload.includes('"turn":')) {
        turn = JSON.parse(payload.toString()).turn
        return 0
      }
      const { oldest, newest } = seqsOf(payload)
      // What a new owner repeats does not count, and a gap is a loss.
      if (oldest > done + 1) throw new Error(`record ${oldest} came after ${done}`)
      const records = Math.max(0, newest - done)
      done += records
      return records
    },
    window,
    ...(perSecond !== undefined && { perSecond, timed: true }),
  })
  const credit = topics.credit(flow, to, 0)
  const lane = `${last}.0`
  let isTelling = false
  return {
    load,
    start: () =>
      load.start(({ payload }: Message, connection: Connection) => {
        // As a partition does: what is finished meanwhile shares a cursor.
        if (isTelling) return
        isTelling = true
        setTimeout(() => {
          isTelling = false
          origin = /"o":\["([^"]*)"/.exec(payload.toString('latin1', payload.length - 100))?.[1] ?? origin
          const cursor = { v: 1, lanes: { [lane]: { [origin]: done, [turnOrigin]: turn } } }
          connection.publish(credit, JSON.stringify(cursor), { retain: true }).catch(() => {})
        }, commitMs)
      }),
  }
}

/** Without a look at the values: `…],"p":0,"n":256,"s":["1000000041",1,2],…` */
function seqsOf(payload: Buffer): { oldest: number; newest: number } {
  const lone = loneSeqOf(payload)
  if (lone !== undefined) return { oldest: lone, newest: lone }
  const columns = payload.toString('latin1', payload.lastIndexOf('"p":'))
  const { s, n } = JSON.parse(`{${columns}`) as { s: unknown[]; n?: number }
  const [oldest, ...steps] = s.map(Number) as [number, ...number[]]
  if (steps.some(step => step !== 1)) throw new Error(`records are missing behind ${oldest}: ${columns}`)
  return { oldest, newest: oldest + (n ?? s.length) - 1 }
}

const beforeLone = '"p":0,"s":["'

/** What `latency` measures is not how long this takes: `…],"p":0,"s":["1000000041"],…` */
function loneSeqOf(payload: Buffer): number | undefined {
  const at = payload.lastIndexOf(beforeLone)
  if (at < 0) return undefined
  const start = at + beforeLone.length
  const seq = payload.toString('latin1', start, start + 12)
  return seq.endsWith('"]') ? Number(seq.slice(0, 10)) : undefined
}
