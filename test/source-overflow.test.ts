import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { TelemetryReport } from '../runtime/telemetry-report.ts'
import { topics } from '../schema/topics.ts'
import { brokers } from './support/brokers.ts'
import { type Rig, until } from './support/rig.ts'
import { closeAll, from, large, numbers, started } from './support/source-rig.ts'

const Overflow = suite('a source that may drop records')

Overflow.after.each(closeAll)

const records = 2_000

/** What all hosts of the source have dropped, as they report. */
async function droppedOf(rig: Rig): Promise<() => number> {
  const telemetry = await rig.listen(topics.telemetries(rig.flow.name))
  return () => {
    const byHost = new Map<string, number>()
    for (const { topic, payload } of telemetry)
      byHost.set(topic, (JSON.parse(String(payload)) as TelemetryReport).dropped)
    return [...byHost.values()].reduce((sum, dropped) => sum + dropped, 0)
  }
}

/** With more sent than it holds, and dropped some of it. */
async function full(url: string, overflow: 'drop-oldest' | 'drop-newest') {
  const { rig, heard } = await started(url, overflow, from(`${overflow}/in`), { overflow })
  const dropped = await droppedOf(rig)
  await rig.kill(rig.hosts('pass')[0]!)
  for (let n = 1; n <= records; n++) await rig.publish(`${overflow}/in`, large(n, 4_000))
  await until(() => dropped() > 0, 'drops in the telemetry')
  return { rig, heard, dropped }
}

for (const [name, start] of brokers)
  for (const overflow of ['drop-oldest', 'drop-newest'] as const) {
    Overflow(`${overflow}: drops while the dataflow is full, and counts it, on ${name}`, async () => {
      const broker = await start()
      const { rig, heard, dropped } = await full(broker.url, overflow)
      await rig.host('pass')
      await until(() => heard.length + dropped() === records, 'each record, or that it was dropped')
      const arrived = numbers(heard)
      assert.is(arrived[0], 1, 'what was on its way')
      assert.is(arrived.includes(records), overflow === 'drop-oldest')
      assert.equal(
        arrived,
        arrived.toSorted((a, b) => a - b),
      )
      await closeAll()
      await broker.close()
    })

    Overflow(`${overflow}: counts what it has in memory when it stops, on ${name}`, async () => {
      const broker = await start()
      const { rig, heard, dropped } = await full(broker.url, overflow)
      await rig.stop(rig.hosts('in')[0]!)
      await rig.ready(await rig.host('in'))
      await rig.host('pass')
      await until(() => heard.length + dropped() >= records, 'each record, or that it was dropped')
      assert.is(new Set(numbers(heard)).size + dropped(), records)
      await closeAll()
      await broker.close()
    })
  }

Overflow.run()
