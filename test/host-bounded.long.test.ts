import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { emptyCursor } from '../runtime/cursor.ts'
import { stateTopic } from '../runtime/place.ts'
import { topics } from '../schema/topics.ts'
import { aedes, brokers, hasMosquitto, mosquitto, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

interface Reading {
  key: string
  n: number
}
type Counted = Reading & { count: number }

let run = 0
const nodes = () => [
  source('in', { type: 'mqtt', filter: `bounded/${++run}/in`, format: 'json' }),
  fn('count', ['in'], { key: 'key', concurrency: 4 }),
  sink('out', ['count'], { type: 'mqtt', topic: `bounded/${run}/out`, retain: false }),
]

async function count(value: unknown, ctx: Context): Promise<Counted | undefined> {
  const reading = value as Reading
  if (reading.n < 0) {
    ctx.state = 'x'.repeat(300_000)
    return undefined
  }
  const count = ((ctx.state as number | undefined) ?? 0) + 1
  ctx.state = count
  return { ...reading, count }
}

const parsed = (heard: { payload: Buffer }[]) =>
  heard.map(({ payload }) => JSON.parse(payload.toString()) as Counted)

/** Each record of a key counts one more, once. @param from what every key has at first */
function countsGoOn(records: Counted[], from: number) {
  const last = new Map<string, number>()
  for (const { key, n, count } of records) {
    assert.is(count, (last.get(key) ?? from) + 1, `record ${n} of ${key}`)
    last.set(key, count)
  }
}

/** Once each: what reached the outside again after a kill of its host is left out. */
const once = (records: Counted[]) => [...new Map(records.map(record => [record.n, record])).values()]

const topicOf = ({ flow }: Rig, key: string) =>
  stateTopic(
    { flow: flow.name, node: 'count', partition: 0, cut: { partitions: 1, key: 'key' }, name: '0' },
    key,
  )

/** State as an owner before left it: of each key, that it has counted 5. */
async function remember(rig: Rig, keys: number, value: unknown = 5) {
  for (let first = 0; first < keys; first += 500) {
    const some = Array.from({ length: Math.min(500, keys - first) }, (_, i) =>
      rig.publish(
        topicOf(rig, `k${first + i}`),
        JSON.stringify({ v: 1, born: {}, includes: {}, value }),
        true,
      ),
    )
    await Promise.all(some)
  }
  await rig.publish(
    topics.credit(rig.flow.name, 'count', 0),
    JSON.stringify({ ...emptyCursor(), keys }),
    true,
  )
}

/** Never more at once than a default mosquitto queues. */
async function send(rig: Rig, heard: unknown[], records: Reading[]) {
  for (const [sent, record] of records.entries()) {
    await until(() => sent - heard.length < 300, 'room')
    await rig.publish(`bounded/${run}/in`, JSON.stringify(record))
  }
}

for (const [name, start] of brokers) {
  const Bounded = suite(`hosts with room for a few keys on ${name}`)
  let broker: TestBroker
  let rig: Rig
  Bounded.before(async () => {
    broker = await start()
  })
  Bounded.after.each(() => rig.close())
  Bounded.after(() => broker.close())

  Bounded('count every record of many keys once, while hosts are killed and replaced', async () => {
    rig = await new Rig(broker.url, nodes(), { count }, { stateBytes: 1_000 }).start()
    const heard = await rig.listen(`bounded/${run}/out`)
    const readings = Array.from({ length: 600 }, (_, n) => ({ key: `k${(n * 7) % 60}`, n }))
    const sending = send(rig, heard, readings)
    for (let round = 1; round <= 3; round++) {
      await until(() => heard.length > round * 120, 'some records')
      const [old] = rig.hosts('count')
      await rig.host('count')
      await rig.kill(old!)
    }
    await sending
    await until(() => once(parsed(heard)).length === readings.length, 'all records')
    const records = once(parsed(heard))
    countsGoOn(records, 0)
    assert.is(Math.max(...records.map(({ count }) => count)), 10)
  })

  Bounded(
    'keep the state of a key as it was when the next is too large, and say so of that record',
    async () => {
      rig = await new Rig(broker.url, nodes(), { count }, { stateBytes: 0 }).start()
      const heard = await rig.listen(`bounded/${run}/out`)
      const dead = await rig.listen(topics.deads(rig.flow.name))
      for (const n of [1, -1, 2]) await rig.publish(`bounded/${run}/in`, JSON.stringify({ key: 'k', n }))
      await until(() => heard.length === 2 && dead.length === 1, 'two records and a letter')
      countsGoOn(parsed(heard), 0)
      const { reason, message, record } = JSON.parse(`${dead[0]!.payload}`)
      assert.equal([reason, record.value.n], ['state-too-large', -1])
      assert.is(message, 'the state of key "k" has 300002 characters, over the limit of 262144')
    },
  )

  Bounded.run()
}

const Lost = suite('a key that the broker has lost')
let lost: { broker: TestBroker; rig: Rig }
Lost.before(async () => {
  const broker = await aedes()
  lost = { broker, rig: new Rig(broker.url, nodes(), { count }, { stateBytes: 0 }) }
})
Lost.after(async () => {
  await lost.rig.close()
  await lost.broker.close()
})

Lost('is told where the host wants to read it', async () => {
  const { rig } = lost
  await remember(rig, 20)
  await rig.start()
  const presences: string[] = []
  await rig.watch(topics.hosts(rig.flow.name, 'count'), ({ payload }) => presences.push(`${payload}`))
  await rig.publish(topicOf(rig, 'k7'), '', true)
  await rig.publish(`bounded/${run}/in`, JSON.stringify({ key: 'k7', n: 1 }))
  await until(() => presences.some(text => text.includes('19 of 20 keys of state')), 'the reason', 30_000)
})

Lost.run()

if (hasMosquitto()) {
  const Restored = suite('a restore with room for 1,000 keys, on a default mosquitto')
  let broker: TestBroker
  let rig: Rig
  Restored.before(async () => {
    broker = await mosquitto()
  })
  Restored.before.each(async () => {
    rig = new Rig(broker.url, nodes(), { count }, { stateBytes: 1_000 * 120 })
  })
  Restored.after.each(() => rig.close())
  Restored.after(() => broker.close())

  Restored('brings all of 20,000 keys, and counts go on where they were', async () => {
    await remember(rig, 20_000)
    await rig.start()
    const heard = await rig.listen(`bounded/${run}/out`)
    // Each key twice, far apart.
    const readings = Array.from({ length: 600 }, (_, n) => ({ key: `k${((n % 300) * 61) % 20_000}`, n }))
    await send(rig, heard, readings)
    await until(() => heard.length === 600, 'all records')
    countsGoOn(parsed(heard), 5)
  })

  Restored('brings all of what sockets cannot take in half of at once', async () => {
    await remember(rig, 6_000, 'x'.repeat(5_000))
    await rig.start()
    const [host] = rig.hosts('count')
    assert.is(rig.hosting(host!).revision, 1)
  })

  Restored('is repeated by the next owner, which finds as many keys as there are then', async () => {
    await remember(rig, 3_000)
    await rig.start()
    const heard = await rig.listen(`bounded/${run}/out`)
    await send(
      rig,
      heard,
      Array.from({ length: 50 }, (_, n) => ({ key: `new${n}`, n })),
    )
    await until(() => heard.length === 50, 'the first records')
    await until(() => [...rig.hosts('in')].every(id => rig.hosting(id).idle), 'them to be committed')
    for (const id of rig.hosts('count')) await rig.kill(id)
    await rig.ready(await rig.host('count'))
    await send(rig, heard, [{ key: 'new7', n: 50 }])
    await until(() => heard.length === 51, 'the last record')
    assert.is(parsed(heard)[50]!.count, 2)
  })

  Restored('fails, and says so, when one key has gone', async () => {
    await remember(rig, 3_000)
    const presences: string[] = []
    await rig.watch(topics.hosts(rig.flow.name, 'count'), ({ payload }) => presences.push(`${payload}`))
    await rig.publish(topicOf(rig, 'k2900'), '', true)
    await rig.wire()
    await rig.host('count')
    await until(() => presences.some(text => text.includes('2999 of 3000 keys')), 'the reason', 45_000)
  })

  Restored.run()
}
