import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hasMosquitto } from './support/brokers.ts'
import { torture } from './torture/torture.ts'

const Torture = suite('torture with a broker that keeps 80 messages for a client')

// While `join` handles nothing, its producers end or lose their links twelve times.
Torture('loses nothing, counts nothing twice, and keeps order, while functions stall', async () => {
  const report = await torture({
    seed: 114,
    records: 8_000,
    faults: 16,
    broker: 'mosquitto',
    queue: 80,
    kinds: ['stall', 'kill', 'flap', 'update'],
    rate: 1_000,
  })
  assert.ok(report.ok, JSON.stringify(report, null, 1))
  assert.is(report.delivered, 8_000)
})

if (hasMosquitto()) Torture.run()
