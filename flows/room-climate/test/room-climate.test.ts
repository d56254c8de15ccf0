import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { dataflow } from 'dyninka/testing'

let flow: Awaited<ReturnType<typeof dataflow>>
before(async () => {
  flow = await dataflow(new URL('..', import.meta.url))
})
after(() => flow.close())

test('averages the last three readings of each room', async () => {
  const { averages } = await flow.run({
    thermometers: [
      { room: 'kitchen', celsius: 18 },
      { room: 'attic', celsius: 29 },
      { room: 'kitchen', celsius: 20 },
      { room: 'kitchen', celsius: 22 },
      { room: 'kitchen', celsius: 24 },
    ],
  })
  const kitchen = averages.filter(each => each.room === 'kitchen').map(each => each.celsius)
  assert.deepEqual(kitchen, [18, 19, 20, 22])
})

test('raises the alarm once a room is hot on average, not at the first hot reading', async () => {
  const readings = [29, 29, 31, 33].map(celsius => ({ room: 'loft', celsius }))
  const { alarms } = await flow.run({ thermometers: readings })
  assert.deepEqual(alarms, ['loft is too hot: 31 °C on average'])
})

test('sets a reading without a room aside', async () => {
  await flow.run({ thermometers: [{ celsius: 20 }] })
  assert.equal(flow.dead.length, 1)
})
