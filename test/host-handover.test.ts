import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode } from '../runtime/frame.ts'
import { topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'
import { breaks, closeAll, from, number, numbers, started } from './support/source-rig.ts'

const total = 1_500
const patient = { attempts: 1, backoffMs: 5, timeoutMs: 60_000, order: 'strict' as const }

for (const [name, start] of brokers) {
  const Handover = suite(`handover at the edges on ${name}`)
  let broker: TestBroker
  Handover.before(async () => {
    broker = await start()
  })
  Handover.after.each(closeAll)
  Handover.after(() => broker.close())

  async function flowing(topic: string) {
    const { rig, heard } = await started(broker.url, topic, from(`${topic}/in`))
    const sending = (async () => {
      for (let n = 1; n <= total; n++) await rig.publish(`${topic}/in`, number(n))
    })()
    const more = async () => {
      const enough = heard.length + 100
      await until(() => heard.length > enough, 'records to flow')
    }
    return { rig, heard, sending, more }
  }

  async function move(rig: Rig, node: string, generation: number) {
    const [before] = rig.hosts(node)
    await rig.ready(await rig.host(node, { generation }))
    await rig.stop(before!)
  }

  for (const [node, what] of [
    ['in', 'source'],
    ['out', 'sink'],
  ] as const) {
    Handover(`a ${what} that moves repeats nothing`, async () => {
      const { rig, heard, sending, more } = await flowing(`${node}/moves`)
      for (const generation of [2, 3, 4]) {
        await more()
        await move(rig, node, generation)
      }
      await sending
      await until(() => numbers(heard).includes(total), 'the last record')
      assert.equal(breaks(numbers(heard)), [])
    })
  }

  Handover(
    'a source that leaves a full dataflow repeats nothing, and what it could not send comes',
    async () => {
      const gate = Promise.withResolvers<void>()
      const nodes = [
        source('in', from('full/in')),
        fn('pass', ['in'], { key: 'key', scale: { min: 1, max: 2 }, retry: patient }),
        sink('out', ['pass'], { type: 'mqtt', topic: 'full/out', retain: false }),
      ]
      const pass = async (value: unknown) => {
        if ((value as { key: string }).key === 'a') await gate.promise
        return value
      }
      const rig = await new Rig(broker.url, nodes, { pass }).start()
      const seen: string[] = []
      await rig.watch(topics.output(rig.flow.name, 'in', 'default'), ({ payload }) => {
        for (const { value } of decode(payload).records) seen.push(String((value as { n: number }).n))
      })
      const heard = await rig.listen('full/out')
      // Two keys whose partitions are not the same: one of them soon has no room, and the other has.
      const count = 2 * 100
      for (let n = 1; n <= count; n++) {
        await rig.publish('full/in', JSON.stringify({ key: n % 2 ? 'a' : 'b', n }))
        await sleep(1)
      }
      await move(rig, 'in', 2)
      gate.resolve()
      await until(() => heard.length >= count, 'all records')
      await rig.close()
      assert.is(new Set(numbers(heard)).size, count)
      assert.equal(seen.length, count)
      for (const odd of [0, 1]) {
        const ofKey = numbers(heard).filter(n => n % 2 === odd)
        assert.equal(
          ofKey,
          [...ofKey].sort((a, b) => a - b),
        )
      }
    },
  )

  Handover('a source does not wait for ever for a host that hears nothing', async () => {
    const { rig, heard } = await started(broker.url, 'frozen', from('frozen/in'))
    const [before] = rig.hosts('in')
    rig.link(before!).freeze(() => true)
    const start = performance.now()
    await rig.ready(await rig.host('in', { generation: 2 }))
    const seconds = (performance.now() - start) / 1000
    assert.ok(seconds > 2 && seconds < 5, `${seconds} s`)
    await rig.publish('frozen/in', number(1))
    await until(() => heard.length > 0, 'the record')
  })

  Handover.run()
}
