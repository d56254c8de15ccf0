import type { Socket } from 'node:net'
import { connectAsync } from 'mqtt'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import type { Transport } from '../../runtime/transport.ts'

/** Our transport on mqtt.js, as far as a bench needs it. Its acknowledgments are caught where it sends them: it has
 *  no way to acknowledge later and go on meanwhile. */
export const mqttjsTransport = (url: string): Transport => ({
  async connect({ clientId, clean, onMessage, onClose }) {
    const client = await connectAsync(url, { clientId, clean, reconnectPeriod: 0 })
    ;(client.stream as Socket).setNoDelay(true)
    const internals = client as unknown as { _sendPacket(packet: Packet, done?: () => void): void }
    const send = internals._sendPacket.bind(client)
    internals._sendPacket = (packet, done) => (packet.cmd === 'puback' ? done?.() : send(packet, done))
    client.on('message', (topic, payload, { messageId, retain }: IPublishPacket) => {
      const ack = () => {
        if (messageId !== undefined) send({ cmd: 'puback', messageId })
      }
      onMessage({ topic, payload, retain, ack })
    })
    client.once('close', () => onClose())
    return {
      sessionPresent: false,
      async subscribe(filters, qos) {
        await client.subscribeAsync(filters, { qos })
      },
      async unsubscribe(filters) {
        await client.unsubscribeAsync(filters)
      },
      publish: (topic, payload, { qos = 1, retain = false } = {}) =>
        new Promise((resolve, reject) => {
          client.publish(topic, payload, { qos, retain }, error => (error ? reject(error) : resolve()))
        }),
      ping: async () => 0,
      pause: () => client.stream.pause(),
      resume: () => client.stream.resume(),
      close: () => client.endAsync(),
    }
  },
})
