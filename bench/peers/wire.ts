import { connect } from 'node:net'
import { type Packet, parser, writeToStream } from 'mqtt-packet'

interface Work {
  /** Acknowledged by the broker in the order of arrival [MQTT-4.6.0-2]. */
  messageId: number
  done: boolean
}

/** A service by hand on the codec `mqtt-packet`: many messages under way, acknowledged once their output is, in
 *  order. Packets of one turn leave in one write. @param handle the payload of the output */
export async function serve(handle: (payload: Buffer) => string): Promise<void> {
  const [url, from, to] = process.argv.slice(2) as [string, string, string]
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) }).setNoDelay(true)
  const decoder = parser({ protocolVersion: 4 })
  const order: Work[] = []
  const waiting = new Map<number, Work>()
  let nextId = 1
  let corked = false

  const send = (packet: Packet) => {
    if (!corked) {
      corked = true
      socket.cork()
      queueMicrotask(() => {
        corked = false
        socket.uncork()
      })
    }
    writeToStream(packet, socket)
  }
  const ready = Promise.withResolvers<void>()
  decoder.on('packet', (packet: Packet) => {
    if (packet.cmd === 'publish') {
      const work = { messageId: packet.messageId!, done: false }
      order.push(work)
      const messageId = nextId
      nextId = (nextId % 65_535) + 1
      waiting.set(messageId, work)
      const payload = handle(packet.payload as Buffer)
      send({ cmd: 'publish', topic: to, payload, qos: 1, messageId, dup: false, retain: false })
    } else if (packet.cmd === 'puback') {
      waiting.get(packet.messageId!)!.done = true
      waiting.delete(packet.messageId!)
      while (order[0]?.done) send({ cmd: 'puback', messageId: order.shift()!.messageId })
    } else if (packet.cmd === 'connack') {
      send({ cmd: 'subscribe', messageId: 65_535, subscriptions: [{ topic: from, qos: 1 }] })
    } else if (packet.cmd === 'suback') ready.resolve()
  })
  socket.on('data', chunk => decoder.parse(chunk))
  socket.on('error', ready.reject)
  const clientId = `peer-${from.replaceAll('/', '-')}`
  send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: false, keepalive: 0 })
  await ready.promise
  process.send?.('ready')
}
