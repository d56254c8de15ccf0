import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokers, type TestBroker } from './support/brokers.ts'
import { Conductor } from './support/conductor.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const records = 20
let run = 0

for (const [name, start] of brokers) {
  const Rewire = suite(`a change of streams on ${name}`)
  let broker: TestBroker

  Rewire.before(async () => {
    broker = await start()
  })
  Rewire.after(() => broker.close())

  Rewire('loses nothing that its producer still sends by the wiring before, after a crash', async () => {
    const topic = `rewire/${++run}`
    const wakes = Promise.withResolvers<void>()
    const nodes = (key: string) => [
      source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }),
      fn('first', ['in']),
      fn('next', ['first'], { key }),
      sink('out', ['next'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
    ]
    const rig = new Rig(broker.url, nodes('a'), {
      first: async value => {
        await wakes.promise
        return value
      },
      next: value => value,
    })
    await rig.start()
    const conductor = await Conductor.over(broker.url, rig.flow)
    const heard = await rig.listen(`${topic}/out`)
    for (let n = 0; n < records; n++) await rig.publish(`${topic}/in`, JSON.stringify({ a: 'x', b: 'y', n }))

    rig.flow.nodes = nodes('b')
    const wire = async () => {
      await conductor.settle(rig.flow)
      await sleep(20)
    }
    // It has the records before the change in its hands, so that it can't put the change into effect.
    while (!conductor.made.some(change => change.startsWith('wire first'))) await wire()
    await rig.kill(rig.hosts('first')[0]!)
    for (let n = 0; n < 20; n++) await wire()
    wakes.resolve()
    await rig.host('first')
    await until(() => heard.length >= records, `${records} records`).catch(() => {})
    assert.equal(
      heard.map(({ payload }) => JSON.parse(payload.toString()).n),
      Array.from({ length: records }, (_, n) => n),
    )
    await rig.close()
    await conductor.close()
  })

  Rewire.run()
}
