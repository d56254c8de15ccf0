import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokers, type TestBroker } from './support/brokers.ts'
import { type Rig, until } from './support/rig.ts'
import { breaks, closeAll, from, number, numbers, started } from './support/source-rig.ts'

const total = 1_500

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
