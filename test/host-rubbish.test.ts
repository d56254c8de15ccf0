import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { stateTopic } from '../runtime/place.ts'
import type { Presence } from '../runtime/presence.ts'
import { topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

let run = 0
const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
const rubbish = [
  'x',
  '1',
  'null',
  '[]',
  '{}',
  '{"v":1}',
  '{"v":1,"revision":99,"kind":"function"}',
  '{"v":1,"record":{"time":1,"id":"a","key":5}}',
  '{"v":1,"lanes":null}',
  `{"v":1,"r":[${deep}],"p":0,"s":["1"],"t":1,"o":["a"],"k":["k"]}`,
  `{"v":1,"r":[${deep}],"p":0,"s":["1"],"t":1,"o":["a"],"k":["k"`,
  Buffer.alloc(100_000, 0xff),
]

for (const [name, start] of brokers) {
  const Foreign = suite(`a foreign client on ${name}`)
  let broker: TestBroker
  const rigs: Rig[] = []
  Foreign.before(async () => {
    broker = await start()
  })
  Foreign.after.each(async () => {
    for (const rig of rigs.splice(0)) await rig.close()
  })
  Foreign.after(() => broker.close())

  // Slow, and not the broker's doing: one is enough.
  const Slow = name === 'aedes' ? Foreign : Foreign.skip

  const started = async () => {
    run += 1
    const rig = new Rig(
      broker.url,
      [
        source('in', { type: 'mqtt', filter: `f/${run}/in`, format: 'json' }),
        fn('count', ['in'], { key: 'key' }),
        sink('out', ['count'], { type: 'mqtt', topic: `f/${run}/out`, retain: false }),
      ],
      {
        count(value, ctx: Context) {
          ctx.state = ((ctx.state as number | undefined) ?? 0) + 1
          return { ...(value as object), count: ctx.state }
        },
      },
    )
    rigs.push(rig)
    return rig.start()
  }
  const send = (rig: Rig, n: number) => rig.publish(`f/${run}/in`, JSON.stringify({ key: 'k', n }))
  const newest = (heard: { payload: Buffer }[]) =>
    JSON.parse(String(heard.at(-1)?.payload ?? '{}')) as Presence
  const counts = (heard: { payload: Buffer }[]) =>
    heard.map(({ payload }) => JSON.parse(String(payload)).count)

  /** One record has passed; the host of `count` was killed behind it. */
  const withoutHost = async () => {
    const rig = await started()
    const flow = rig.flow.name
    const heard = await rig.listen(`f/${run}/out`)
    const presences = await rig.listen(topics.hosts(flow, 'count'))
    await send(rig, 1)
    await until(() => heard.length === 1, 'a record')
    await rig.kill(rig.hosts('count')[0]!)
    return { rig, flow, heard, presences }
  }

  Foreign('stops nothing, whatever it publishes where', async () => {
    const rig = await started()
    const flow = rig.flow.name
    const heard = await rig.listen(`f/${run}/out`)
    const reports = await rig.listen(topics.telemetry(flow, 'count', rig.hosts('count')[0]!))
    await send(rig, 1)
    await until(() => heard.length === 1, 'a record before')
    const places: [topic: string, retain: boolean][] = [
      [topics.data(flow, 'in', 'default', 'key-1', 0), false],
      [topics.replay(flow, 'count', 0), false],
      [topics.wiring(flow, 'count'), true],
      [topics.wiring(flow, 'in'), true],
      [topics.wiring(flow, 'out'), true],
      [topics.host(flow, 'count', 'nobody'), true],
      [topics.credit(flow, 'count', 0), false],
      [topics.telemetry(flow, 'count', 'nobody'), false],
      [topics.dead(flow, 'count', 0, 1), true],
    ]
    for (const [topic, retain] of places)
      for (const payload of rubbish) await rig.publish(topic, payload, retain)
    await send(rig, 2)
    await until(() => heard.length === 2, 'a record after')
    assert.equal(counts(heard), [1, 2])
    const rejected = () => JSON.parse(String(reports.at(-1)?.payload ?? '{}')).rejected ?? 0
    await until(() => rejected() > 20, 'the count of what was rejected')
  })

  Foreign('that overwrites a cursor stops the partition with a reason', async () => {
    const { rig, flow, heard, presences } = await withoutHost()
    await rig.publish(topics.credit(flow, 'count', 0), '{"v":1,"lanes":null}', true)
    await rig.host('count')
    await until(() => newest(presences).trouble !== undefined, 'the reason')
    assert.match(
      newest(presences).trouble!,
      /cursor overwritten by a foreign client: clear the retained message of \S+count\/0/,
    )
    await rig.publish(topics.credit(flow, 'count', 0), '', true)
    await send(rig, 2)
    await until(() => heard.length >= 2, 'a record once it is cleared', 20_000)
  })

  Slow('that clears state, as a broker that drops it, stops the partition with a reason', async () => {
    const { rig, flow, presences } = await withoutHost()
    const place = { flow, node: 'count', partition: 0, cut: { partitions: 1 }, name: '0' }
    await rig.publish(stateTopic(place, 'k'), 'rubbish', true)
    await rig.publish(topics.state(flow, 'count', 'k/0/0/0/0/0/0/0/0', '%zz'), 'rubbish', true)
    await rig.host('count')
    await until(() => newest(presences).trouble !== undefined, 'the reason', 15_000)
    assert.match(newest(presences).trouble!, 'the broker brought 0 of 1 keys of state')
  })

  Slow('that clears the numbering of a source, as a broker that drops it, loses no record', async () => {
    const rig = await started()
    const heard = await rig.listen(`f/${run}/out`)
    for (let n = 1; n <= 3; n++) await send(rig, n)
    await until(() => heard.length === 3, 'three records')
    await rig.kill(rig.hosts('in')[0]!)
    await rig.publish(topics.credit(rig.flow.name, 'in', 0), '', true)
    await send(rig, 4)
    await rig.host('in')
    await until(() => heard.length === 4, 'the fourth, under a number that is newer', 15_000)
  })

  Slow('that clears it twice, the clock set back in between, loses none either', async () => {
    const rig = await started()
    const heard = await rig.listen(`f/${run}/out`)
    const { now } = Date
    try {
      for (let n = 1; n <= 2; n++) {
        await rig.kill(rig.hosts('in')[0]!)
        await rig.publish(topics.credit(rig.flow.name, 'in', 0), '', true)
        await send(rig, n)
        Date.now = () => now() - n * 86_400_000
        await rig.host('in')
        await until(() => heard.length === n, `record ${n}, under a number that is newer`, 15_000)
      }
    } finally {
      Date.now = now
    }
  })

  Slow('is not blamed for a broker that answers late: the host says whom it waits for', async () => {
    run += 1
    const rig = new Rig(
      broker.url,
      [
        source('tick', { type: 'every', intervalMs: 20 }),
        sink('out', ['tick'], { type: 'mqtt', topic: `f/${run}/out`, retain: false }),
      ],
      {},
    )
    rigs.push(rig)
    await rig.start()
    const heard = await rig.listen(`f/${run}/out`)
    const presences = await rig.listen(topics.hosts(rig.flow.name, 'tick'))
    await until(() => heard.length > 0, 'a record')
    const link = rig.link(rig.hosts('tick')[0]!)
    link.hold()
    await until(() => newest(presences).trouble !== undefined, 'the reason')
    assert.is(newest(presences).trouble, 'waits for the broker to answer')
    const before = heard.length
    link.release()
    await until(() => newest(presences).trouble === undefined, 'the end of it')
    await until(() => heard.length > before, 'more records')
  })

  Foreign.run()
}
