/** Takes messages, and acknowledges each once what it sends on is acknowledged: on our own session, or on mqtt.js
 *  behind the same interface. */
import type { Message, Transport } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { mqttjsTransport } from './mqttjs-transport.ts'

const [kind, url, from, to] = process.argv.slice(2) as ['wire' | 'mqttjs', string, string, string]
const transport: Transport = kind === 'wire' ? wireTransport(url) : mqttjsTransport(url)

const order: { message: Message; done: boolean }[] = []
const connection = await transport.connect({
  clientId: `relay-${from.replaceAll('/', '-')}`,
  clean: false,
  onMessage(message) {
    const one = { message, done: false }
    order.push(one)
    void connection.publish(to, message.payload).then(() => {
      one.done = true
      while (order[0]?.done) order.shift()!.message.ack()
    })
  },
  onClose: error => {
    throw error ?? new Error('closed')
  },
})
await connection.subscribe([from], 1)
process.send?.('ready')
