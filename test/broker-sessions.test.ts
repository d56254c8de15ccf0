import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson } from '../controller/atomic-file.ts'
import { embeddedBroker } from '../controller/broker/embedded-broker.ts'
import { identify, type ProcessIdentity } from '../controller/process-identity.ts'
import type { Message } from '../runtime/transport.ts'
import { until } from './support/controlled.ts'
import { Embedded } from './support/embedded.ts'

interface World {
  broker: Embedded
}

const Broker = suite<World>('embedded broker')

Broker.before(async context => {
  context.broker = await Embedded.start()
})
Broker.after.each(async ({ broker }) => {
  await broker.clear('session', 'blocked')
})
Broker.after(async ({ broker }) => {
  await broker.remove()
})

const processOf = (state: string) => readJson<ProcessIdentity & { url: string }>(join(state, 'broker.json'))!

Broker('is adopted by the next controller', async ({ broker: { state, url } }) => {
  const again = await embeddedBroker(state)
  assert.equal(again, { url, adopted: true })
})

Broker('listens on a loopback address only', ({ broker: { url } }) => {
  assert.is(new URL(url).hostname, '127.0.0.1')
})

Broker('does not believe a file that another process left', async ({ broker: { state, url } }) => {
  const { pid } = processOf(state)
  process.kill(pid, 'SIGKILL')
  await until('it is gone', () => identify(pid) === undefined)
  const again = await embeddedBroker(state)
  assert.equal(again, { url, adopted: false }, 'on the same port, so that hosts find it again')
})

Broker('hands over a session in order while others publish to it', async ({ broker }) => {
  const publisher = await broker.open('publisher')
  let sent = 0
  let running = true
  let behind = 0
  let finished = -1
  const takeOver = () => {
    let newest = -1
    const onMessage = (message: Message) => {
      const n = Number(message.payload.toString())
      if (n < newest) behind += 1
      newest = Math.max(newest, n)
      setTimeout(() => {
        message.ack()
        if (n === finished + 1) finished = n
      }, 20)
    }
    return broker.open('session', { clean: false, onMessage })
  }
  await (await takeOver()).subscribe(['d/x'], 1)
  const flood = (async () => {
    while (running) {
      for (let i = 0; i < 5; i++) void publisher.publish('d/x', String(sent++)).catch(() => {})
      await sleep(2)
    }
  })()
  for (let takeovers = 0; takeovers < 20; takeovers++) {
    await sleep(60)
    await takeOver()
  }
  running = false
  await flood
  await until('everything arrived', () => finished === sent - 1)
  assert.ok(sent > 1000)
  assert.is(behind, 0)
})

Broker(
  'brings the newest retained messages of topics and of wildcards in one SUBSCRIBE, not those that are cleared',
  async ({ broker }) => {
    const found: string[] = []
    const reader = await broker.open('several', {
      onMessage: ({ topic, payload }) => void found.push(`${topic}=${payload}`),
    })
    for (const [topic, payload] of ['r/a=old', 'r/a=1', 'r/b=2', 'r/c=3', 'r/c=', 's/d=4', 's/e=5'].map(
      text => text.split('='),
    ))
      await reader.publish(topic!, payload!, { retain: true })
    await reader.subscribe(['r/a', 'r/b', 'r/c', 'r/none', 's/+'], 0)
    await until('four came', () => found.length >= 4)
    await sleep(50)
    assert.equal(found.sort(), ['r/a=1', 'r/b=2', 's/d=4', 's/e=5'])
    await reader.unsubscribe(['r/a', 'r/b', 'r/c', 'r/none', 's/+'])
    for (const topic of ['r/a', 'r/b', 's/d', 's/e']) await reader.publish(topic, '', { retain: true })
  },
)

Broker('brings what was not acknowledged again, in order', async ({ broker }) => {
  const got: string[] = []
  const session = { clean: false, onMessage: (message: Message) => void got.push(message.payload.toString()) }
  const first = await broker.open('session', session)
  await first.subscribe(['d/#'], 1)
  const publisher = await broker.open('publisher')
  for (let i = 0; i < 2000; i++) await publisher.publish('d/x', String(i))
  await until('all came once', () => got.length === 2000)
  got.length = 0
  await broker.open('session', session)
  await until('all came again', () => got.length === 2000)
  assert.equal(
    got,
    Array.from({ length: 2000 }, (_, i) => String(i)),
  )
})

Broker('drops nothing of what waits for a session that is away', async ({ broker }) => {
  const first = await broker.open('session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await broker.open('publisher')
  await Promise.all(Array.from({ length: 5000 }, (_, i) => publisher.publish('d/x', String(i))))
  const got: number[] = []
  await broker.open('session', {
    clean: false,
    onMessage(message) {
      got.push(Number(message.payload.toString()))
      message.ack()
    },
  })
  await until('all came', () => got.length === 5000)
  assert.equal(
    got,
    Array.from({ length: 5000 }, (_, i) => i),
  )
})

Broker('refuses what the former owner of a session still publishes', async ({ broker }) => {
  const former = await broker.open('session', { clean: false })
  const got: string[] = []
  const reader = await broker.open('reader', {
    onMessage: message => void got.push(message.payload.toString()),
  })
  await reader.subscribe(['d/x'], 0)
  const successor = await broker.open('session', { clean: false })
  await former.publish('d/x', 'stale').then(
    () => assert.unreachable(),
    () => {},
  )
  await successor.publish('d/x', 'fresh')
  await until('the successor is heard', () => got.includes('fresh'))
  assert.equal(got, ['fresh'])
})

Broker('clears a presence when its host is killed', async ({ broker }) => {
  const topic = 'dyninka/f/hosts/a/h'
  const socketEnds = await broker.open('host', { will: { topic, payload: '' } })
  await socketEnds.publish(topic, '{"v":1}', { retain: true })
  await broker.untilRetained('dyninka/f/hosts/+/+', { [topic]: '{"v":1}' })
  await broker.open('host') // a takeover closes the first connection without a goodbye, as a kill does
  await broker.untilRetained('dyninka/#', {})
})

Broker('forgets a session that is discarded, with its queue', async ({ broker }) => {
  const first = await broker.open('session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await broker.open('publisher')
  await publisher.publish('d/x', 'old')
  await (await broker.open('session', { clean: true })).close()
  const got: string[] = []
  const again = await broker.open('session', {
    clean: false,
    onMessage: message => void got.push(message.payload.toString()),
  })
  assert.not.ok(again.sessionPresent)
  await again.subscribe(['d/x'], 1)
  await publisher.publish('d/x', 'new')
  await until('what is new comes', () => got.includes('new'))
  assert.equal(got, ['new'])
})

Broker('keeps $-topics out of a wildcard at the first level', async ({ broker }) => {
  const got: string[] = []
  const reader = await broker.open('reader', { onMessage: message => void got.push(message.topic) })
  await reader.subscribe(['#'], 1)
  const publisher = await broker.open('publisher')
  await publisher.publish('d/x', '1')
  await until('the message comes', () => got.length > 0)
  assert.equal(got, ['d/x'])
})

Broker('does not stop others for a host that reads nothing', async ({ broker }) => {
  // Its event loop is blocked: a socket that nobody reads.
  const { connect } = await import('node:net')
  const { generate } = await import('mqtt-packet')
  const { hostname, port } = new URL(broker.url)
  const socket = connect(Number(port), hostname)
  socket.write(
    generate({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: 'blocked',
      clean: false,
      keepalive: 0,
    }),
  )
  await until('it is connected', () => socket.bytesRead > 0)
  socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'd/blocked', qos: 1 }] }))
  await until('it is subscribed', () => socket.bytesRead > 4) // those of CONNACK
  socket.pause()
  const publisher = await broker.open('publisher')
  const payload = Buffer.alloc(256 * 1024, 'x')
  for (let i = 0; i < 16; i++) await publisher.publish('d/blocked', payload)
  const start = performance.now()
  const other = await broker.open('other')
  await other.publish('d/other', 'x')
  await publisher.publish('d/other', 'x')
  assert.ok(performance.now() - start < 10_000, 'both publish while 4 MB wait for the one that reads nothing')
  socket.destroy()
})
Broker.run()
