import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Packet, parser, writeToStream } from 'mqtt-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DynamicSecurity } from '../controller/broker/accounts/dynamic-security.ts'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { discardSession, openSession } from '../controller/broker/durable-session.ts'
import { tap } from '../controller/broker/tap.ts'
import { aedes } from './support/brokers.ts'

const Session = suite('a durable session')

/** A broker that ends in the moment in which it is asked for this, or has answered that. */
async function endingAt(command: Packet['cmd'], isAnswered = false) {
  const server = createServer(socket => {
    const decoder = parser({ protocolVersion: 4 })
    decoder.on('packet', (packet: Packet) => {
      if (packet.cmd === command && isAnswered) setTimeout(() => socket.destroy(), 20)
      if (packet.cmd === command && !isAnswered) socket.destroy()
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
      assert.match(await saidBy(openSession(broker.url, 'a', ['t'], first)), /closed|lost|connect/i)
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

/** @returns what it says, or that it says nothing */
const saidBy = (asked: Promise<unknown>) =>
  Promise.race([
    asked.then(
      () => 'it is there',
      (error: Error) => error.message,
    ),
    sleep(5_000).then(() => 'nothing said'),
  ])

const passing = { flow: 'f', node: 'n', output: '+', limit: 1, signal: new AbortController().signal }
const asked: [what: string, at: Packet['cmd'], ask: (client: BrokerClient) => Promise<unknown>][] = [
  ['what is retained', 'subscribe', client => client.readRetained(['t'])],
  ['accounts', 'subscribe', client => new DynamicSecurity(client).list()],
  ['accounts', 'publish', client => new DynamicSecurity(client).list()],
  ['records that pass', 'subscribe', client => tap(client, passing)[Symbol.asyncIterator]().next()],
]
for (const [what, at, ask] of asked)
  Session(`is no more patient than who asks for ${what}, where the broker ends at ${at}`, async () => {
    const broker = await endingAt(at)
    const client = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
    try {
      assert.match(await saidBy(ask(client)), /closed|lost/i)
    } finally {
      await client.close()
      broker.close()
    }
  })

Session('that ends before all is told that is retained is not taken for one that has nothing', async () => {
  const broker = await endingAt('subscribe', true)
  const client = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
  assert.match(await saidBy(client.readRetained(['t'])), /lost/)
  await client.close()
  broker.close()
})

Session('is not waited for, nor a connection to read, where what takes the call hangs up', async () => {
  const here = await aedes()
  const away = await endingAt('connect')
  const client = await BrokerClient.connect(here.url, { onChange() {}, onConnection() {} })
  for (const asked of [
    client.dedicated(away.url),
    openSession(away.url, 'a', ['t']),
    discardSession(away.url, 'a'),
  ])
    assert.match(await saidBy(asked), /connect/i)
  await client.close()
  await here.close()
  away.close()
})

Session.run()
