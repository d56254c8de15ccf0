import type { Probe, Unfit } from './probe.ts'

/** In turn by one topic and by the other: queues of their own do not fall together so by chance. Fewer than a mosquitto
 *  hands over at once. */
const queued = 16
/** Nothing is acknowledged meanwhile: a queue of its own would not wait for that. */
const holdMs = 1_000

const hint =
  'Take another broker, like mosquitto, for the dataflow and for each zone, or declare no broker of a zone (--zone-broker, ' +
  'spec.broker.zones). NATS has no setting for it: it keeps a queue for each subscription.'

/** Whether a session hands over what came by one topic before what came later by another. A partition with several brokers
 *  sends a mark through each session, and takes it that all before the mark has come when that is back. */
export async function checkOrder(probe: Probe): Promise<Unfit | undefined> {
  const id = `${probe.session}_order`
  const topics = [`${probe.root}/order/data`, `${probe.root}/order/mark`]
  try {
    const first = await probe.open(id, false)
    await first.connection.subscribe(topics, 1)
    await first.connection.close()
    const { connection } = await probe.open()
    for (let n = 0; n < queued; n++) await connection.publish(topics[n % 2]!, String(n))
    const second = await probe.open(id, false)
    const isComplete = () => second.closed || second.messages.length >= queued
    let taken = 0
    const acknowledged = () => {
      for (; taken < second.messages.length; taken++) second.messages[taken]!.ack()
      return isComplete()
    }
    if (!(await second.until(isComplete, holdMs))) await second.until(acknowledged)
    // What is missing, another check tells.
    const numbers = second.messages.map(({ payload }) => Number(payload))
    if (numbers.every((n, i) => i === 0 || n >= numbers[i - 1]!)) return undefined
    return { what: 'hands messages of one topic to a session before older ones of another', hint }
  } finally {
    await probe.open(id, true).catch(() => {})
  }
}
