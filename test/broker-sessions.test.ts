import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson } from '../controller/atomic-file.ts'
import { embeddedBroker, stopEmbeddedBroker } from '../controller/broker/embedded-broker.ts'
import { identify, type ProcessIdentity } from '../controller/process-identity.ts'
import { readRetained } from '../runtime/retained.ts'
import type { Connection, ConnectOptions, Message } from '../runtime/transport.ts'
import { wireTransport } from '../runtime/wire-transport.ts'

interface World {
  state: string
  url: string
  connections: Connection[]
}

const Broker = suite<World>('embedded broker')

Broker.before(async context => {
  context.state = await mkdtemp(join(tmpdir(), 'dyninka-'))
  context.url = (await embeddedBroker(context.state)).url
  context.connections = []
})
Broker.after.each(async context => {
  for (const connection of context.connections.splice(0)) await connection.close().catch(() => {})
  for (const id of ['session', 'blocked']) await (await open(context, id)).close()
  context.connections.length = 0
})
Broker.after(async ({ state }) => {
  await stopEmbeddedBroker(state)
  await rm(state, { recursive: true, force: true, maxRetries: 3 })
})

async function open(
  { url, connections }: World,
  clientId: string,
  more: Partial<ConnectOptions> = {},
): Promise<Connection> {
  const connection = await wireTransport(url).connect({
    clientId,
    clean: true,
    onMessage() {},
    onClose() {},
    ...more,
  })
  connections.push(connection)
  return connection
}

async function retained({ url }: World, filter: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  await readRetained(wireTransport(url), [filter], {
    patienceMs: 0,
    take(topic, payload) {
      found[topic] = payload.toString()
      return false
    },
  })
  return found
}

const until = async (what: string, holds: () => boolean | Promise<boolean>) => {
  for (let i = 0; i < 300; i++) {
    if (await holds()) return
    await sleep(10)
  }
  assert.unreachable(`never: ${what}`)
}

/** What is retained comes when the broker gets to it: a machine that is busy takes longer than a reader waits. */
const untilRetained = (world: World, filter: string, expected: Record<string, string>) =>
  until(`${JSON.stringify(expected)} is retained`, async () =>
    isDeepStrictEqual(await retained(world, filter), expected),
  )

const processOf = (state: string) => readJson<ProcessIdentity & { url: string }>(join(state, 'broker.json'))!

Broker('is adopted by the next controller', async ({ state, url }) => {
  const again = await embeddedBroker(state)
  assert.equal(again, { url, adopted: true })
})

Broker('listens on a loopback address only', ({ url }) => {
  assert.is(new URL(url).hostname, '127.0.0.1')
})

Broker('does not believe a file that another process left', async ({ state, url }) => {
  const { pid } = processOf(state)
  process.kill(pid, 'SIGKILL')
  await until('it is gone', () => identify(pid) === undefined)
  const again = await embeddedBroker(state)
  assert.equal(again, { url, adopted: false }, 'on the same port, so that hosts find it again')
})

Broker('hands over a session in order while others publish to it', async world => {
  const publisher = await open(world, 'publisher')
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
    return open(world, 'session', { clean: false, onMessage })
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
  async world => {
    const found: string[] = []
    const reader = await open(world, 'several', {
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

Broker('brings what was not acknowledged again, in order', async world => {
  const got: string[] = []
  const session = { clean: false, onMessage: (message: Message) => void got.push(message.payload.toString()) }
  const first = await open(world, 'session', session)
  await first.subscribe(['d/#'], 1)
  const publisher = await open(world, 'publisher')
  for (let i = 0; i < 2000; i++) await publisher.publish('d/x', String(i))
  await until('all came once', () => got.length === 2000)
  got.length = 0
  await open(world, 'session', session)
  await until('all came again', () => got.length === 2000)
  assert.equal(
    got,
    Array.from({ length: 2000 }, (_, i) => String(i)),
  )
})

Broker('drops nothing of what waits for a session that is away', async world => {
  const first = await open(world, 'session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await open(world, 'publisher')
  await Promise.all(Array.from({ length: 5000 }, (_, i) => publisher.publish('d/x', String(i))))
  const got: number[] = []
  await open(world, 'session', {
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

Broker('refuses what the former owner of a session still publishes', async world => {
  const former = await open(world, 'session', { clean: false })
  const got: string[] = []
  const reader = await open(world, 'reader', {
    onMessage: message => void got.push(message.payload.toString()),
  })
  await reader.subscribe(['d/x'], 0)
  const successor = await open(world, 'session', { clean: false })
  await former.publish('d/x', 'stale').then(
    () => assert.unreachable(),
    () => {},
  )
  await successor.publish('d/x', 'fresh')
  await until('the successor is heard', () => got.includes('fresh'))
  assert.equal(got, ['fresh'])
})

Broker('clears a presence when its host is killed', async world => {
  const topic = 'dyninka/f/hosts/a/h'
  const socketEnds = await open(world, 'host', { will: { topic, payload: '' } })
  await socketEnds.publish(topic, '{"v":1}', { retain: true })
  await untilRetained(world, 'dyninka/f/hosts/+/+', { [topic]: '{"v":1}' })
  await open(world, 'host') // a takeover closes the first connection without a goodbye, as a kill does
  await until('it is cleared', async () => Object.keys(await retained(world, 'dyninka/#')).length === 0)
})

Broker('forgets a session that is discarded, with its queue', async world => {
  const first = await open(world, 'session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await open(world, 'publisher')
  await publisher.publish('d/x', 'old')
  await (await open(world, 'session', { clean: true })).close()
  const got: string[] = []
  const again = await open(world, 'session', {
    clean: false,
    onMessage: message => void got.push(message.payload.toString()),
  })
  assert.not.ok(again.sessionPresent)
  await again.subscribe(['d/x'], 1)
  await publisher.publish('d/x', 'new')
  await until('what is new comes', () => got.includes('new'))
  assert.equal(got, ['new'])
})

Broker('keeps $-topics out of a wildcard at the first level', async world => {
  const got: string[] = []
  const reader = await open(world, 'reader', { onMessage: message => void got.push(message.topic) })
  await reader.subscribe(['#'], 1)
  const publisher = await open(world, 'publisher')
  await publisher.publish('d/x', '1')
  await until('the message comes', () => got.length > 0)
  assert.equal(got, ['d/x'])
})

Broker('does not stop others for a host that reads nothing', async world => {
  // Its event loop is blocked: a socket that nobody reads.
  const { connect } = await import('node:net')
  const { generate } = await import('mqtt-packet')
  const { hostname, port } = new URL(world.url)
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
  const publisher = await open(world, 'publisher')
  const payload = Buffer.alloc(256 * 1024, 'x')
  for (let i = 0; i < 16; i++) await publisher.publish('d/blocked', payload)
  const start = performance.now()
  const other = await open(world, 'other')
  await other.publish('d/other', 'x')
  await publisher.publish('d/other', 'x')
  assert.ok(performance.now() - start < 10_000, 'both publish while 4 MB wait for the one that reads nothing')
  socket.destroy()
})

Broker('keeps sessions, queues and retained messages over a clean end', async world => {
  const first = await open(world, 'session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await open(world, 'publisher')
  for (const value of ['1', '2', '3']) await publisher.publish('d/x', value)
  await publisher.publish('dyninka/f/state/a', 'kept', { retain: true })
  await stopEmbeddedBroker(world.state)
  const { url } = await embeddedBroker(world.state)
  assert.is(url, world.url)
  await untilRetained(world, 'dyninka/#', { 'dyninka/f/state/a': 'kept' })
  const got: string[] = []
  const again = await open(world, 'session', {
    clean: false,
    onMessage(message) {
      got.push(message.payload.toString())
      message.ack()
    },
  })
  assert.ok(again.sessionPresent)
  await (await open(world, 'publisher')).publish('d/x', '4')
  await until('all came', () => got.length === 4)
  assert.equal(got, ['1', '2', '3', '4'])
})

Broker('keeps them, too, when its port is taken and it starts on another one', async world => {
  await (await open(world, 'publisher')).publish('dyninka/f/state/b', 'kept', { retain: true })
  await stopEmbeddedBroker(world.state)
  const other = createServer().listen(Number(new URL(world.url).port), '127.0.0.1')
  await once(other, 'listening')
  const { url } = await embeddedBroker(world.state)
  other.close()
  assert.is.not(url, world.url)
  world.url = url
  await untilRetained(world, 'dyninka/f/state/b', { 'dyninka/f/state/b': 'kept' })
})

Broker('keeps what it acknowledged last before it ends', async world => {
  const publisher = await open(world, 'publisher')
  const acknowledged = new Set<string>()
  let isGoing = true
  const flood = (async () => {
    for (let n = 0; isGoing; n++) {
      const topic = `last/${n}`
      publisher.publish(topic, 'x', { retain: true }).then(
        () => acknowledged.add(topic),
        () => {
          isGoing = false
        },
      )
      if (n % 20 === 0) await sleep(1)
    }
  })()
  await until('it takes some', () => acknowledged.size > 200)
  await stopEmbeddedBroker(world.state)
  await until('the sender knows', () => !isGoing)
  await flood
  world.url = (await embeddedBroker(world.state)).url
  const missing = new Set(acknowledged)
  await readRetained(wireTransport(world.url), ['last/#'], {
    patienceMs: 3_000,
    take(topic) {
      missing.delete(topic)
      return missing.size === 0
    },
  })
  assert.equal([...missing], [])
})

Broker.run()
