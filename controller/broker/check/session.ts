import type { Line, Probe, Unfit } from './probe.ts'

/** Frames that a producer may have on their way to one consumer: `docs/guarantees.md`, flow control. */
const window = 64
/** The largest record, and room for ids around it. */
const largest = 1024 * 1024 + 16 * 1024

const keepSessions =
  'Keep sessions for ever. mosquitto: leave persistent_client_expiration out; RabbitMQ: ' +
  'mqtt.subscription_ttl = undefined; EMQX: mqtt.session_expiry_interval; HiveMQ: session-expiry max-interval.'
const inNats = 'mqtt { max_ack_pending: 1, ack_wait: "500ms" }'
const inOrder = `Let it deliver again in order. NATS: ${inNats}; EMQX and HiveMQ do so as they are.`
const soon = `Let it do so within half a second. NATS: ${inNats}; else ask who stands between Dyninka and the broker.`
const room = `Give a queue room for ${window} messages or more. mosquitto: max_queued_messages; EMQX: mqtt.max_mqueue_len; HiveMQ: max-queue-size.`
const size =
  'Let messages of 2 MiB pass. mosquitto: message_size_limit and max_packet_size; NATS: max_payload: 2MB; ' +
  'EMQX: mqtt.max_packet_size; HiveMQ: max-packet-size; RabbitMQ from 4: mqtt.max_packet_size_authenticated.'
const takeover =
  'Let a second connection with the same client ID take the session over. EMQX: no clientid_override; mosquitto: no ' +
  'use_username_as_clientid; else ask who stands between Dyninka and the broker.'

/** Whether a session is what a partition needs: a queue that outlives connections, handed over in order. */
export async function checkSession(probe: Probe): Promise<Unfit | undefined> {
  const topic = `${probe.root}/data`
  const publisher = await probe.open()
  const send = (text: string | Buffer) => publisher.connection.publish(topic, text)
  try {
    const first = await probe.open(probe.session, false)
    await first.connection.subscribe([topic], 1)
    for (let n = 1; n <= 3; n++) await send(String(n))
    if (!(await first.until(() => first.messages.length > 0)))
      return { what: 'brings nothing to a subscription of QoS 1', hint: inOrder }
    await Promise.all(Array.from({ length: window - 3 }, (_, i) => send(String(i + 4))))

    const second = await probe.open(probe.session, false)
    const handedOver = await checkTakeover(first, second, () => send(String(window + 1)))
    if (handedOver) return handedOver
    await second.connection.close()

    await send('away')
    const large = send(Buffer.alloc(largest, 'x')).catch(() => {}) // or it closes the publisher's connection
    await Promise.race([large, publisher.until(() => publisher.closed)])
    return await checkAway(await probe.open(probe.session, false))
  } finally {
    // A clean connection under its ID ends a session.
    await probe.open(probe.session, true).catch(() => {})
  }
}

async function checkTakeover(
  first: Line,
  second: Line,
  sendOneMore: () => Promise<void>,
): Promise<Unfit | undefined> {
  if (!second.connection.sessionPresent)
    return { what: 'forgets a session when its client connects again', hint: keepSessions }
  if (!(await first.until(() => first.closed)))
    return { what: 'lets two connections share one client ID', hint: takeover }
  await sendOneMore()
  const seen = new Set<number>()
  let taken = 0
  let isBehind = false
  await second.until(() => {
    for (; taken < second.messages.length; taken++) {
      const message = second.messages[taken]!
      const n = Number(message.payload.toString())
      if (seen.size > 0 ? n > Math.max(...seen) + 1 : n > 1) isBehind = true
      seen.add(n)
      message.ack()
    }
    return isBehind || second.closed || seen.size === window + 1
  })
  if (isBehind && seen.has(1) === false)
    return { what: 'brings newer messages before those that were not acknowledged', hint: inOrder }
  if (seen.size === 0)
    return {
      what: 'does not deliver again at once what the owner of a session before had not acknowledged',
      hint: soon,
    }
  if (isBehind || seen.size <= window)
    return { what: `kept ${seen.size} of ${window + 1} messages of a session`, hint: room }
  return undefined
}

async function checkAway(third: Line): Promise<Unfit | undefined> {
  const sizes = () => third.messages.map(({ payload }) => payload.length)
  await third.until(() => {
    for (const message of third.messages) message.ack()
    return third.closed || sizes().includes(largest)
  })
  if (!third.connection.sessionPresent || !sizes().includes(4))
    return { what: 'forgets what comes while nobody is connected to a session', hint: keepSessions }
  if (!sizes().includes(largest)) return { what: 'drops a message of 1 MiB', hint: size }
  return undefined
}
