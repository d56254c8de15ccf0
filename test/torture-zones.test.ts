import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { torture } from './torture/torture.ts'

const Torture = suite('torture with a broker for each zone')

Torture('loses nothing, counts nothing twice, and keeps order', async () => {
  const report = await torture({
    seed: 2,
    records: 6_000,
    faults: 14,
    broker: 'aedes',
    rate: 20_000,
    zones: true,
  })
  assert.ok(report.ok, JSON.stringify(report, null, 1))
  assert.is(report.delivered, 6_000)
})

Torture.run()
