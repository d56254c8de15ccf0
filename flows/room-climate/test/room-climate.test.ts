import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dataflow, type TestDataflow } from 'dyninka/testing'
import type { Average } from '../functions/average.ts'

let flow: TestDataflow
before(async () => {
  flow = await dataflow(new URL('..', import.meta.url))
})
after(() => flow.close())

test('averages the last three readings of each room', async () => {
  await flow.run({
    thermometers: [
      { room: 'kitchen', celsius: 18 },
      { room: 'attic', celsius: 29 },
      { room: 'kitchen', celsius: 20 },
      { room: 'kitchen', celsius: 22 },
      { room: 'kitchen', celsius: 24 },
    ],
  })
  const kitchen = flow.sink<Average>('averages').values.filter(({ room }) => room === 'kitchen')
  assert.deepEqual(
    kitchen.map(({ celsius }) => celsius),
    [18, 19, 20, 22],
  )
})

test('raises the alarm when a room is hot on average, not at the first hot reading', async () => {
  const { alarms } = await flow.run({
    thermometers: [29, 29, 31, 33].map(celsius => ({ room: 'loft', celsius })),
  })
  assert.deepEqual(alarms, ['loft is too hot: 31 °C on average'])
})

test('sets a reading without a room aside', async () => {
  await flow.run({ thermometers: [{ celsius: 20 }] })
  assert.equal(flow.dead.length, 1)
})
