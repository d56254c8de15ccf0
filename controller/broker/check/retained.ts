import type { Probe, Unfit } from './probe.ts'

const keepThem =
  'Let it keep retained messages for ever. mosquitto: retain_available true; EMQX: retainer.enable.'
const noWildcards =
  'RabbitMQ has no such setting, in any version: take mosquitto, NATS, EMQX or HiveMQ, or leave --broker out.'

/** NATS shows them to a new subscription a little after it has acknowledged them. A broker on a machine with much else to do
 *  may take as long as that for anything: only who brings none to several subscriptions has none. */
const looks = 3
const lookMs = 1_000

/** Whether cursors, state and presences are kept, and found again under a wildcard. */
export async function checkRetained(probe: Probe): Promise<Unfit | undefined> {
  const topics = ['a', 'b'].map(name => `${probe.root}/retained/${name}`)
  const writer = await probe.open()
  const cleared = () =>
    Promise.all(topics.map(topic => writer.connection.publish(topic, '', { retain: true }).catch(() => {})))
  try {
    await Promise.all(topics.map(topic => writer.connection.publish(topic, 'x', { retain: true })))
  } catch {
    return { what: 'takes no retained messages', hint: keepThem }
  }
  try {
    if (!(await brings(probe, [topics[0]!], 1)))
      return { what: 'does not keep retained messages', hint: keepThem }
    if (!(await brings(probe, [`${probe.root}/retained/+`], 2)))
      return { what: 'brings no retained messages to a subscription with a wildcard', hint: noWildcards }
    return undefined
  } finally {
    await cleared()
  }
}

async function brings(probe: Probe, filters: string[], count: number): Promise<boolean> {
  for (let look = 0; look < looks; look++) {
    const reader = await probe.open()
    await reader.connection.subscribe(filters, 0)
    const found = await reader.until(() => reader.messages.length >= count, lookMs)
    await reader.connection.close()
    if (found) return true
  }
  return false
}
