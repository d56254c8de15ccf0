import { randomUUID } from 'node:crypto'
import { connectAsync, type IConnackPacket } from 'mqtt'
import type { Unfit } from './probe.ts'

const forEver = 0xffff_ffff
const largest = 1024 * 1024 + 16 * 1024

/** What a broker with MQTT 5 says of itself in its answer to a connection; nothing for one without. Hosts speak 3.1.1
 *  to it all the same, and there a broker cuts without a word what it would have announced here. */
export async function checkAnnounced(url: string): Promise<Unfit[]> {
  const properties = await announced(url)
  if (!properties) return []
  const { sessionExpiryInterval, maximumQoS, retainAvailable, wildcardSubscriptionAvailable } = properties
  const { maximumPacketSize } = properties
  const unfit: Unfit[] = []
  if (sessionExpiryInterval !== undefined && sessionExpiryInterval < forEver) {
    unfit.push({
      what: `ends a session ${sessionExpiryInterval} s after its client has gone`,
      hint:
        'Keep sessions for ever. RabbitMQ: mqtt.max_session_expiry_interval_seconds = infinity; HiveMQ: ' +
        'session-expiry max-interval; EMQX: mqtt.session_expiry_interval.',
    })
  }
  if (maximumQoS === 0)
    unfit.push({ what: 'has no QoS 1', hint: 'Allow it. mosquitto: max_qos 1; EMQX: mqtt.max_qos_allowed.' })
  if (retainAvailable === false) {
    unfit.push({
      what: 'takes no retained messages',
      hint: 'Allow them. mosquitto: retain_available true; EMQX: mqtt.retain_available.',
    })
  }
  if (wildcardSubscriptionAvailable === false) {
    unfit.push({
      what: 'takes no subscription with a wildcard',
      hint: 'Allow them. EMQX: mqtt.wildcard_subscription; HiveMQ: wildcard-subscriptions.',
    })
  }
  if (maximumPacketSize !== undefined && maximumPacketSize < largest) {
    unfit.push({
      what: `takes no packet over ${maximumPacketSize} bytes`,
      hint: 'Let messages of 2 MiB pass. mosquitto: max_packet_size; EMQX: mqtt.max_packet_size.',
    })
  }
  return unfit
}

async function announced(url: string): Promise<IConnackPacket['properties']> {
  try {
    const client = await connectAsync(
      url,
      {
        protocolVersion: 5,
        clientId: `dyninka__check_${randomUUID().slice(0, 8)}`,
        clean: true,
        reconnectPeriod: 0,
        connectTimeout: 2_000,
        properties: { sessionExpiryInterval: forEver },
      },
      false,
    )
    const properties = client.serverProperties
    await client.endAsync(false, { properties: { sessionExpiryInterval: 0 } }) // or the session would stay
    return properties
  } catch {
    return undefined
  }
}
