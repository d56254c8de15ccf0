import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireTransport } from '../runtime/wire-transport.ts'
import { aedes, hasMosquitto, mosquitto, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'
import { breaks, from, number, numbers } from './support/source-rig.ts'

/** A window of 64 frames fits, and little more: what does not is dropped without a word. */
const limits = 'max_queued_messages 70\nmax_inflight_messages 10'
const patience = { attempts: 1, backoffMs: 5, timeoutMs: 120_000, order: 'strict' as const }

const Stuck = suite('a function that handles nothing, while who sends to it ends again and again')
let broker: TestBroker
/** Where the records come from and go to: its queues have room. */
let outside: TestBroker
let rig: Rig
Stuck.before(async () => {
  broker = await mosquitto(limits)
  outside = await aedes()
})
Stuck.after.each(() => rig.close())
Stuck.after(async () => {
  await broker.close()
  await outside.close()
})

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
    broker.url,
    [
      source('in', { ...from(`${topic}/in`), broker: outside.url }),
      fn('pass', ['in']),
      fn('stuck', [producer], { retry: patience }),
      sink('out', ['stuck'], { type: 'mqtt', topic: `${topic}/out`, broker: outside.url, retain: false }),
    ],
    { pass: value => value, stuck },
  ).start()
  const heard = await rig.listen(`${topic}/out`, outside.url)
  const device = await wireTransport(outside.url).connect({
    clientId: 'device',
    clean: true,
    onMessage() {},
    onClose() {},
  })
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
