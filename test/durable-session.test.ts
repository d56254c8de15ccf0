import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Packet, parser, writeToStream } from 'mqtt-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { discardSession, openSession } from '../controller/broker/durable-session.ts'
import { aedes } from './support/brokers.ts'

const Session = suite('a durable session')

/** A broker that ends in the moment in which it is asked for this. */
async function endingAt(command: Packet['cmd']) {
  const server = createServer(socket => {
    const decoder = parser({ protocolVersion: 4 })
    decoder.on('packet', (packet: Packet) => {
      if (packet.cmd === command) socket.destroy()
      else if (packet.cmd === 'connect')
        writeToStream({ cmd: 'connack', returnCode: 0, sessionPresent: false }, socket)
      else if (packet.cmd === 'publish')
        writeToStream({ cmd: 'puback', messageId: packet.messageId! }, socket)
      else if (packet.cmd === 'subscribe')
        writeToStream({ cmd: 'suback', messageId: packet.messageId!, granted: [1] }, socket)
    })
    socket.on('data', chunk => decoder.parse(chunk))
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() }
}

const first = { topic: 'x', payload: 'y' }

for (const command of ['connect', 'publish', 'subscribe'] as const)
  Session(`is not opened, which is said, where the broker ends at ${command.toUpperCase()}`, async () => {
    const broker = await endingAt(command)
    try {
      const limit = AbortSignal.timeout(5_000)
      const opened = openSession(broker.url, 'a', ['t'], first).then(
        () => 'opened',
        (error: Error) => error.message,
      )
      const late = once(limit, 'abort').then(() => 'nothing said')
      assert.match(await Promise.race([opened, late]), /closed|taken over|connect/i)
    } finally {
      broker.close()
    }
  })

Session('is opened, or discarded, also where the broker ends at DISCONNECT', async () => {
  const broker = await endingAt('disconnect')
  try {
    await openSession(broker.url, 'a', ['t'], first)
    await discardSession(broker.url, 'a')
  } finally {
    broker.close()
  }
})

Session('is not waited for, nor a connection to read, where what takes the call hangs up', async () => {
  const here = await aedes()
  const away = await endingAt('connect')
  const client = await BrokerClient.connect(here.url, { onChange() {}, onConnection() {} })
  const late = sleep(5_000).then(() => 'nothing said')
  for (const asked of [
    client.dedicated(away.url),
    openSession(away.url, 'a', ['t']),
    discardSession(away.url, 'a'),
  ]) {
    const said = asked.then(
      () => 'it is there',
      (error: Error) => error.message,
    )
    assert.match(await Promise.race([said, late]), /connect/i)
  }
  await client.close()
  await here.close()
  away.close()
})

Session.run()
