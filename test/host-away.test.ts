import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasMosquitto } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'
import { breaks, from, number, numbers } from './support/source-rig.ts'
import { patience, tightBrokers } from './support/tight-brokers.ts'

const window = 64
/** Unfinished for who sends them, in few frames. */
const records = 2_000

const Away = suite('a sink that is away, and had finished what who sends to it repeats')
let brokers: Awaited<ReturnType<typeof tightBrokers>>
let rig: Rig
Away.before(async () => {
  brokers = await tightBrokers()
})
Away.after.each(() => rig.close())
Away.after(() => brokers.close())

/** @param readers more that read what the sink reads, handle the first records, and go on once the sink is away */
async function goOn(topic: string, readers: string[]) {
  let open!: () => void
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  const slow = async (value: unknown) => {
    if ((value as { n: number }).n > window) await opened
  }
  rig = await new Rig(
    brokers.inside,
    [
      source('in', { ...from(`${topic}/in`), broker: brokers.outside }),
      fn('pass', ['in']),
      ...readers.map(name => fn(name, ['pass'], { retry: patience })),
      // By a stream of its own, which is full: what comes is never finished by who sends it.
      fn('stuck', ['pass'], { retry: patience, key: 'n' }),
      sink('out', ['pass'], { type: 'mqtt', topic: `${topic}/out`, broker: brokers.outside, retain: false }),
    ],
    { pass: value => value, slow, stuck: () => new Promise(() => {}) },
  ).start()
  const heard = await rig.listen(`${topic}/out`, brokers.outside)
  const device = await brokers.device()
  let n = 0
  const publish = (count: number) =>
    Promise.all(Array.from({ length: count }, () => device.publish(`${topic}/in`, number(++n))))
  for (let frame = 0; frame < window; frame++) {
    await publish(1)
    await until(() => numbers(heard).includes(n), 'one to arrive')
  }
  await publish(records)
  await until(() => numbers(heard).includes(n), 'all to arrive')
  await rig.kill(rig.hosts('out')[0]!)
  await rig.kill(rig.hosts('pass')[0]!)
  open()
  // Each record leaves in a frame of its own.
  await rig.host('pass', {
    handler: async value => {
      await turn()
      return value
    },
  })
  await sleep(1_000)
  await publish(20)
  await sleep(500)
  await device.close()
  await rig.ready(await rig.host('out'))
  await until(() => numbers(heard).includes(n), 'the last record')
  const arrived = [...new Set(numbers(heard))]
  assert.is(arrived.length, n)
  assert.equal(breaks(arrived), [])
}

Away('loses nothing', () => goOn('own', []))
Away('loses nothing where another reads the same stream, and had not', () => goOn('same', ['slow']))

if (hasMosquitto()) Away.run()
