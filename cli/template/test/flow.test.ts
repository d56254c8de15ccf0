import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dataflow } from 'dyninka/testing'

test('averages each room by itself', async () => {
  const flow = await dataflow(new URL('..', import.meta.url))
  const clock = [0, 1, 2, 3].map(n => ({ n, at: '2026-01-01T00:00:00Z' }))
  const { averages } = await flow.run({ clock })
  assert.deepEqual(averages, [
    { room: 'kitchen', mean: 21 },
    { room: 'study', mean: 21.6 },
    { room: 'bath', mean: 22.2 },
    { room: 'kitchen', mean: 21.9 },
  ])
  await flow.close()
})
