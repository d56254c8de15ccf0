import { decode } from '../../runtime/frame.ts'
import { topics } from '../../schema/topics.ts'
import type { BrokerClient } from './broker-client.ts'

export interface TapOptions {
  flow: string
  node: string
  /** Or `+` for every output. */
  output: string
  limit: number
  signal: AbortSignal
}

export interface TappedRecord {
  id: string
  key: string | null
  time: number
  value: unknown
  function: string
  output: string
}

// A reader that is slower than the flow sees gaps rather than slow the flow down.
const maxWaiting = 10_000

/** Records of a node's outputs as they pass; seen once, though each consumer's stream carries them. */
export async function* tap(
  broker: BrokerClient,
  { flow, node, output, limit, signal }: TapOptions,
): AsyncIterable<TappedRecord> {
  const client = await broker.dedicated()
  const waiting: TappedRecord[] = []
  let wake = () => {}
  const streams = new Map<string, string>()
  client.on('message', (topic, payload) => {
    const [, , , , output, stream] = topic.split('/') as string[]
    // The streams of one output carry the same records, cut differently: one of them is enough.
    if (!streams.has(output!)) streams.set(output!, stream!)
    if (streams.get(output!) !== stream) return
    for (const record of recordsOf(payload)) {
      if (waiting.length >= maxWaiting) waiting.shift()
      waiting.push({ ...record, function: node, output: output! })
    }
    wake()
  })
  let ended = false
  const end = () => {
    ended = true
    wake()
  }
  client.on('close', end)
  signal.addEventListener('abort', end)
  try {
    await client.subscribeAsync(topics.output(flow, node, output), { qos: 0 })
    for (let count = 0; count < limit; ) {
      const record = waiting.shift()
      if (record) {
        yield record
        count += 1
      } else if (ended || signal.aborted) return
      else
        await new Promise<void>(resolve => {
          wake = resolve
        })
    }
  } finally {
    await client.endAsync(true)
  }
}

function recordsOf(payload: Buffer): Omit<TappedRecord, 'function' | 'output'>[] {
  try {
    return decode(payload).records.map(({ origin, seq, key, time, value }) => ({
      id: `${origin === '' ? '' : `${origin}:`}${seq}`,
      key: key ?? null,
      time,
      value,
    }))
  } catch {
    return [] // none of our frames
  }
}
