/**
 * The same on mqtt.js with many records under way. The library has no way to acknowledge later and go on, so its
 * acknowledgments are caught where it sends them, and let through, in order, once the output has its own.
 */
import type { Socket } from 'node:net'
import { connectAsync } from 'mqtt'
import type { IPublishPacket, Packet } from 'mqtt-packet'
import { step } from './step.ts'

const [url, from, to] = process.argv.slice(2) as [string, string, string]

const client = await connectAsync(url, { clientId: `peer-${from.replaceAll('/', '-')}`, clean: false })
;(client.stream as Socket).setNoDelay(true)

const order: { messageId: number; done: boolean }[] = []
const internals = client as unknown as { _sendPacket(packet: Packet, done?: () => void): void }
const send = internals._sendPacket.bind(client)
internals._sendPacket = (packet, done) => (packet.cmd === 'puback' ? done?.() : send(packet, done))

client.on('message', (_topic, payload, { messageId }: IPublishPacket) => {
  const one = { messageId: messageId!, done: false }
  order.push(one)
  client.publish(to, JSON.stringify(step(JSON.parse(payload.toString()))), { qos: 1 }, error => {
    if (error) throw error
    one.done = true
    while (order[0]?.done) send({ cmd: 'puback', messageId: order.shift()!.messageId })
  })
})
await client.subscribeAsync(from, { qos: 1 })
process.send?.('ready')
