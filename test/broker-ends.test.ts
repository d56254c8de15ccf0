import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { embeddedBroker, stopEmbeddedBroker } from '../controller/broker/embedded-broker.ts'
import { readRetained } from '../runtime/retained.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { until } from './support/controlled.ts'
import { Embedded } from './support/embedded.ts'

interface World {
  broker: Embedded
}

const End = suite<World>('end of the embedded broker')

End.before(async context => {
  context.broker = await Embedded.start()
})
End.after.each(async ({ broker }) => {
  await broker.clear('session')
})
End.after(async ({ broker }) => {
  await broker.remove()
})

End('keeps sessions, queues and retained messages over a clean end', async ({ broker }) => {
  const first = await broker.open('session', { clean: false })
  await first.subscribe(['d/x'], 1)
  await first.close()
  const publisher = await broker.open('publisher')
  for (const value of ['1', '2', '3']) await publisher.publish('d/x', value)
  await publisher.publish('dyninka/f/state/a', 'kept', { retain: true })
  await stopEmbeddedBroker(broker.state)
  const { url } = await embeddedBroker(broker.state)
  assert.is(url, broker.url)
  await broker.untilRetained('dyninka/#', { 'dyninka/f/state/a': 'kept' })
  const got: string[] = []
  const again = await broker.open('session', {
    clean: false,
    onMessage(message) {
      got.push(message.payload.toString())
      message.ack()
    },
  })
  assert.ok(again.sessionPresent)
  await (await broker.open('publisher')).publish('d/x', '4')
  await until('all came', () => got.length === 4)
  assert.equal(got, ['1', '2', '3', '4'])
})

End('keeps them, too, when its port is taken and it starts on another one', async ({ broker }) => {
  await (await broker.open('publisher')).publish('dyninka/f/state/b', 'kept', { retain: true })
  await stopEmbeddedBroker(broker.state)
  const other = createServer().listen(Number(new URL(broker.url).port), '127.0.0.1')
  await once(other, 'listening')
  const { url } = await embeddedBroker(broker.state)
  other.close()
  assert.is.not(url, broker.url)
  broker.url = url
  await broker.untilRetained('dyninka/f/state/b', { 'dyninka/f/state/b': 'kept' })
})

End('keeps what it acknowledged last before it ends', async ({ broker }) => {
  const publisher = await broker.open('publisher')
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
  await stopEmbeddedBroker(broker.state)
  await until('the sender knows', () => !isGoing)
  await flood
  broker.url = (await embeddedBroker(broker.state)).url
  const missing = new Set(acknowledged)
  await readRetained(wireTransport(broker.url), ['last/#'], {
    patienceMs: 3_000,
    take(topic) {
      missing.delete(topic)
      return missing.size === 0
    },
  })
  assert.equal([...missing], [])
})

End.run()
