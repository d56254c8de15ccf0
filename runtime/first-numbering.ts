import { topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import { parseCursor } from './cursor.ts'
import type { NumberingDocument } from './numbering.ts'
import { laneName } from './outbox.ts'
import { readRetained } from './retained.ts'
import type { Transport } from './transport.ts'

interface Lost {
  transport: Transport
  flow: string
  node: string
  partition: number
  wiring: Wiring
}

// More than can be on its way to a consumer, unfinished: 64 frames of 512 records.
const onTheirWay = 100_000

export const numberingFrom = (next: number): NumberingDocument => ({ v: 1, next, letters: 0, recent: [] })

/** Consumers drop what is not newer than what they have. Where numbers were in use and which is not known any more, the
 *  clock is ahead of all that a source can have counted to, unless this happens again after it was set back: so the
 *  numbering begins above all that consumers have finished, too. */
export async function numberingAfterLoss(lost: Lost): Promise<NumberingDocument> {
  return numberingFrom(Math.max(Date.now(), (await newestFinished(lost)) + onTheirWay))
}

/** The highest number of this source in the cursors of who reads it; 0 where there is none. */
async function newestFinished({ transport, flow, node, partition, wiring }: Lost): Promise<number> {
  const consumers = new Set(
    Object.values(wiring.outputs).flatMap(streams => streams.flatMap(stream => stream.consumers)),
  )
  if (consumers.size === 0) return 0
  let newest = 0
  const filters = [...consumers].map(consumer => topics.credits(flow, consumer))
  await readRetained(transport, filters, {
    patienceMs: 0,
    take(_topic, payload) {
      const { lanes } = parseCursor(payload)
      for (const seq of Object.values(lanes[laneName(node, 'default', partition)] ?? {}))
        newest = Math.max(newest, Number.parseInt(String(seq), 10) || 0)
      return false
    },
  })
  return newest
}
