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

const HangsUp = suite('a broker that hangs up')

/** @param command where it does so, or once it has answered that */
async function hangingUpAt(command: Packet['cmd'], isAnswered = false) {
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

/** @returns what it says, or that it says nothing */
const saidBy = (asked: Promise<unknown>) =>
  Promise.race([
    asked.then(
      () => 'it is there',
      (error: Error) => error.message,
    ),
    sleep(5_000).then(() => 'nothing said'),
  ])

const first = { topic: 'x', payload: 'y' }

for (const command of ['connect', 'publish', 'subscribe'] as const)
  HangsUp(`at ${command.toUpperCase()}: a session is not opened, which is said`, async () => {
    const broker = await hangingUpAt(command)
    try {
      assert.match(await saidBy(openSession(broker.url, 'a', ['t'], first)), /closed|lost|connect/i)
    } finally {
      broker.close()
    }
  })

HangsUp('at DISCONNECT: a session is opened, or discarded, all the same', async () => {
  const broker = await hangingUpAt('disconnect')
  try {
    await openSession(broker.url, 'a', ['t'], first)
    await discardSession(broker.url, 'a')
  } finally {
    broker.close()
  }
})

const passing = { flow: 'f', node: 'n', output: '+', limit: 1, signal: new AbortController().signal }
const asked: [what: string, at: Packet['cmd'], ask: (client: BrokerClient) => Promise<unknown>][] = [
  ['what is retained', 'subscribe', client => client.readRetained(['t'])],
  ['a list of accounts', 'subscribe', client => new DynamicSecurity(client).list()],
  ['a list of accounts', 'publish', client => new DynamicSecurity(client).list()],
  ['a record that passes', 'subscribe', client => tap(client, passing)[Symbol.asyncIterator]().next()],
]
for (const [what, at, ask] of asked)
  HangsUp(`at ${at.toUpperCase()}: ${what} is not waited for`, async () => {
    const broker = await hangingUpAt(at)
    const client = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
    try {
      assert.match(await saidBy(ask(client)), /closed|lost/i)
    } finally {
      await client.close()
      broker.close()
    }
  })

HangsUp('before all has come: what is retained is not taken for complete', async () => {
  const broker = await hangingUpAt('subscribe', true)
  const client = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
  assert.match(await saidBy(client.readRetained(['t'])), /lost/)
  await client.close()
  broker.close()
})

HangsUp('at CONNECT: neither a session is waited for, nor a connection to read', async () => {
  const here = await aedes()
  const away = await hangingUpAt('connect')
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

HangsUp.run()
