import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { torture } from './torture/torture.ts'

const Torture = suite('torture')

Torture('loses nothing, counts nothing twice, and keeps order, whatever comes together', async () => {
  const report = await torture({ seed: 1, records: 20_000, faults: 30, broker: 'aedes', rate: 20_000 })
  assert.ok(report.ok, JSON.stringify(report, null, 1))
  assert.is(report.delivered, 20_000)
})

Torture.run()
