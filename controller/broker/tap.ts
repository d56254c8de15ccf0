import type { MqttClient } from 'mqtt'
import { decode } from '../../runtime/frame.ts'
import { topics } from '../../schema/topics.ts'
import type { BrokerClient } from './broker-client.ts'
import { whileConnected } from './while-connected.ts'

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
  const clients = await clientsOf(broker)
  const waiting: TappedRecord[] = []
  let wake = () => {}
  const streams = new Map<string, string>()
  const take = (topic: string, payload: Buffer) => {
    const [, , , , output, name] = topic.split('/') as string[]
    // The streams of one output carry the same records, cut differently: one of them is enough. By another broker it is
    // another stream that goes on where the one before ended.
    const stream = name!.split('@', 1)[0]!
    if (!streams.has(output!)) streams.set(output!, stream)
    if (streams.get(output!) !== stream) return
    for (const record of recordsOf(payload)) {
      if (waiting.length >= maxWaiting) waiting.shift()
      waiting.push({ ...record, function: node, output: output! })
    }
    wake()
  }
  let ended = false
  const end = () => {
    ended = true
    wake()
  }
  for (const client of clients) client.on('message', take).on('close', end)
  signal.addEventListener('abort', end)
  try {
    const topic = topics.output(flow, node, output)
    for (const client of clients) await whileConnected(client, () => client.subscribeAsync(topic, { qos: 0 }))
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
    for (const client of clients) await client.endAsync(true)
  }
}

/** To the dataflow's own broker, and to those of zones that answer: which carries an output may change. */
async function clientsOf(broker: BrokerClient): Promise<MqttClient[]> {
  const others = Object.values(broker.zones).map(url => broker.dedicated(url))
  const [own, ...answers] = await Promise.allSettled([broker.dedicated(), ...others])
  if (own!.status === 'rejected') throw own!.reason
  return [own!, ...answers].flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : []))
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
