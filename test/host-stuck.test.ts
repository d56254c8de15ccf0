import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasMosquitto } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'
import { breaks, from, number, numbers } from './support/source-rig.ts'
import { patience, tightBrokers } from './support/tight-brokers.ts'

const Stuck = suite('a function that handles nothing, while who sends to it ends again and again')
let brokers: Awaited<ReturnType<typeof tightBrokers>>
let rig: Rig
Stuck.before(async () => {
  brokers = await tightBrokers()
})
Stuck.after.each(() => rig.close())
Stuck.after(() => brokers.close())

/** @param producer what ends, and is started again, after each so many records */
async function goOn(topic: string, producer: string, rounds: number, records: number) {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const stuck = async (value: unknown) => {
    await opened
    return value
  }
  rig = await new Rig(
    brokers.inside,
    [
      source('in', { ...from(`${topic}/in`), broker: brokers.outside }),
      fn('pass', ['in']),
      fn('stuck', [producer], { retry: patience }),
      sink('out', ['stuck'], { type: 'mqtt', topic: `${topic}/out`, broker: brokers.outside, retain: false }),
    ],
    { pass: value => value, stuck },
  ).start()
  const heard = await rig.listen(`${topic}/out`, brokers.outside)
  const device = await brokers.device()
  let n = 0
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < records; i++) await device.publish(`${topic}/in`, number(++n))
    await sleep(60)
    const [before] = rig.hosts(producer)
    await rig.kill(before!)
    await rig.ready(await rig.host(producer))
  }
  await device.close()
  open()
  await until(() => numbers(heard).includes(n), 'the last record', 20_000)
  const arrived = [...new Set(numbers(heard))]
  assert.is(arrived.length, n)
  assert.equal(breaks(arrived), [])
}

for (const producer of ['pass', 'in']) {
  Stuck(`${producer}: as many records as a window each time, none is lost`, async () => {
    await goOn(`${producer}/many`, producer, 3, 70)
  })
  Stuck(`${producer}: some records each time, none is lost`, async () => {
    await goOn(`${producer}/some`, producer, 60, 4)
  })
}

if (hasMosquitto()) Stuck.run()
