import { mock } from 'node:test'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Leftover } from '../runtime/sources/leftover.ts'

const Leftovers = suite('what waits under filters that are to be read no more')

Leftovers.before.each(() => mock.timers.enable({ apis: ['setInterval'] }))
Leftovers.after.each(() => mock.timers.reset())

function leftover({ came = 0 } = {}) {
  const reading = { came, acknowledged: 0, isPaused: false }
  const one = new Leftover(['a/+'], reading)
  let read: string | undefined
  void one.read.then(isAll => {
    read = isAll ? 'all' : 'enough'
  })
  const come = (topic: string) => {
    reading.came += 1
    one.came(topic)
  }
  const acknowledge = () => {
    reading.acknowledged = reading.came
  }
  const after = async (ms: number) => {
    mock.timers.tick(ms)
    await Promise.resolve()
    return read
  }
  return { reading, come, acknowledge, after, close: () => one.close() }
}

Leftovers('is read once nothing has come for a second', async () => {
  const { come, acknowledge, after } = leftover()
  assert.is(await after(900), undefined)
  come('a/b')
  acknowledge()
  assert.is(await after(1_000), undefined)
  assert.is(await after(200), 'all')
})

Leftovers('is not while one that has come is not acknowledged', async () => {
  const { come, acknowledge, after } = leftover()
  come('a/b')
  assert.is(await after(10_000), undefined)
  acknowledge()
  assert.is(await after(900), undefined)
  assert.is(await after(200), 'all')
})

Leftovers('is not while what had come by then is not acknowledged', async () => {
  const { acknowledge, after } = leftover({ came: 3 })
  assert.is(await after(10_000), undefined)
  acknowledge()
  assert.is(await after(1_000), 'all')
})

Leftovers('is read though others come, but not while they take all the room', async () => {
  const { come, after } = leftover()
  for (let i = 0; i < 50; i++) {
    for (let other = 0; other < 5; other++) come('b/b')
    assert.is(await after(100), undefined)
  }
  for (let i = 0; i < 9; i++) {
    come('a/b/c')
    assert.is(await after(100), undefined)
  }
  assert.is(await after(100), 'all')
})

Leftovers('is not while the feed is paused', async () => {
  const { reading, after } = leftover()
  reading.isPaused = true
  assert.is(await after(100_000), undefined)
  reading.isPaused = false
  assert.is(await after(1_000), 'all')
})

Leftovers('is given up after a minute in which some came', async () => {
  const { come, after } = leftover()
  for (let i = 0; i < 599; i++) {
    come('a/b')
    assert.is(await after(100), undefined)
  }
  come('a/b')
  assert.is(await after(100), 'enough')
})

Leftovers('is not waited for any more once closed', async () => {
  const { after, close } = leftover()
  close()
  assert.is(await after(10_000), undefined)
})

Leftovers.run()
