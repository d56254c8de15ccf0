import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RelaxedPartition, type Value } from './support/relaxed-partition.ts'
import { until } from './support/rig.ts'

const Time = suite('the time of calls')

const count = 40
const values = Array.from({ length: count }, (_, n): Value => ({ key: `k${n}`, n }))

function compute(ms: number) {
  for (const end = performance.now() + ms; performance.now() < end; );
}

async function handled(handler: (value: Value) => unknown, concurrency = 1) {
  const partition = await new RelaxedPartition<Value>({ concurrency }).open()
  await partition.own(handler)
  const start = performance.now()
  partition.send(values)
  await until(() => partition.isThrough, 'all records')
  const tookMs = performance.now() - start
  await partition.close()
  return { ...partition.counters, tookMs }
}

Time('is theirs alone where they compute', async () => {
  const { calls, handlerMs, tookMs } = await handled(value => {
    compute(2)
    return value
  })
  assert.is(calls, count)
  assert.ok(handlerMs >= 2 * count && handlerMs <= tookMs, `${handlerMs} of ${tookMs} ms`)
})

Time('has none of what the process did before the first of a turn', async () => {
  const { handlerMs, tookMs } = await handled(async value => {
    if (value.n === 0) await sleep(200)
    return value
  })
  assert.ok(handlerMs >= 199 && handlerMs <= tookMs, `${handlerMs} of ${tookMs} ms`)
})

Time('begins with each of those that wait side by side', async () => {
  // All begin in one turn, each 2 ms after the one before: the waits are as long for all but that.
  const ends: number[] = []
  const { handlerMs } = await handled(async value => {
    const begin = performance.now()
    compute(2)
    await sleep(50)
    ends.push(performance.now() - begin)
    return value
  }, count)
  const sum = ends.reduce((total, each) => total + each)
  assert.ok(handlerMs > 0.9 * sum && handlerMs < 1.3 * sum, `${handlerMs} and ${sum} ms`)
})

Time('is counted once where some calls compute and then wait, among quick ones', async () => {
  const times: number[] = []
  const { handlerMs, calls } = await handled(value => {
    const begin = performance.now()
    const ended = () => void times.push(performance.now() - begin)
    if (value.n % 4 < 3) return ended()
    compute(5)
    return sleep(1).then(ended)
  })
  const sum = times.reduce((total, each) => total + each)
  assert.is(calls, count)
  assert.ok(handlerMs > 0.9 * sum && handlerMs < 1.2 * sum + 5, `${handlerMs} and ${sum} ms`)
})

Time('of quick calls is theirs together', async () => {
  let spent = 0
  const { handlerMs, tookMs } = await handled(() => {
    const begin = performance.now()
    compute(0.02)
    spent += performance.now() - begin
  })
  assert.ok(handlerMs >= spent && handlerMs <= tookMs, `${spent} <= ${handlerMs} <= ${tookMs} ms`)
})

Time.run()
