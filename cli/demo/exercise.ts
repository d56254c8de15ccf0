import { BrokerClient } from '../../controller/broker/broker-client.ts'
import type { Flow } from '../../schema/flow.ts'
import { Problem } from '../../schema/problem.ts'
import { Receipts } from './receipts.ts'
import { Replay } from './replay.ts'

interface Exercise {
  brokerUrl: string
  /** Folder of the dataflow, with its `replay.json`. */
  dir: string
  flow: Flow
  /** How long to send; until the signal aborts if absent. */
  sendMs?: number
  signal: AbortSignal
  /** A record that came out, as text. */
  onRecord: (text: string) => void
  onTally: (tally: Tally) => void
}

interface Tally {
  sent: number
  delivered: number
}

const TALLY_MS = 200
const SETTLE_MS = 10_000
const SETTLE_INTERRUPTED_MS = 2_000

/** Sends an example's data into its source, and counts which of it comes out at its sink. */
export async function exercise({
  brokerUrl,
  dir,
  flow,
  sendMs,
  signal,
  onRecord,
  onTally,
}: Exercise): Promise<Tally> {
  const replay = await Replay.read(dir)
  const receipts = new Receipts(replay.sent)
  const tally = () => ({ sent: replay.sent.size, delivered: receipts.count })
  const broker = await BrokerClient.connect(brokerUrl, { onChange() {}, onConnection() {} })
  const outlet = await broker.dedicated()
  const timer = setInterval(() => onTally(tally()), TALLY_MS)
  try {
    outlet.on('message', (_topic, payload) => {
      receipts.take(payload.toString())
      onRecord(plain(payload.toString()))
    })
    await outlet.subscribeAsync(sinkTopic(flow), { qos: 1 })
    const until = sendMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(sendMs)])
    await replay.run((topic, payload) => broker.publish(topic, payload, false), until)
    await receipts.settle(signal.aborted ? SETTLE_INTERRUPTED_MS : SETTLE_MS)
    return tally()
  } finally {
    clearInterval(timer)
    await outlet.endAsync()
    await broker.close()
  }
}

function sinkTopic({ name, nodes }: Flow): string {
  for (const node of nodes) if (node.kind === 'sink' && node.spec.type === 'mqtt') return node.spec.topic
  throw new Problem('NoSink', `${name} has no sink with a topic`)
}

/** A text without its quotes; other JSON as it is. */
function plain(payload: string): string {
  try {
    const value: unknown = JSON.parse(payload)
    return typeof value === 'string' ? value : payload
  } catch {
    return payload
  }
}
