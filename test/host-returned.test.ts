import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { RelaxedPartition, type Value } from './support/relaxed-partition.ts'
import { until } from './support/rig.ts'

const Returned = suite('what a function returns')

const values = Array.from({ length: 40 }, (_, n): Value => ({ key: `k${n % 7}`, n }))

/** What leaves for all values, sent in one frame. */
async function outputsOf(
  handler: (value: Value, ctx: Context) => unknown,
  concurrency = 1,
): Promise<number[]> {
  const partition = await new RelaxedPartition<Value>({ concurrency }).open()
  await partition.own(handler)
  partition.send(values)
  await until(() => partition.isThrough && partition.taken.length >= values.length, 'all outputs')
  await partition.close()
  return partition.taken.map(({ n }) => n)
}

const inOrder = values.map(({ n }) => n)

Returned('leaves as it was then, where one object is returned again and again', async () => {
  const one = { key: '', n: 0 }
  assert.equal(await outputsOf(({ key, n }) => Object.assign(one, { key, n })), inOrder)
})

Returned('leaves as it was then, behind a call that takes a while', async () => {
  const one = { key: '', n: 0 }
  const handler = async ({ key, n }: Value) => {
    await sleep(20)
    return { key, n }
  }
  const outputs = await outputsOf(
    value => (value.n % 10 === 0 ? handler(value) : Object.assign(one, value)),
    8,
  )
  assert.equal(
    outputs.toSorted((a, b) => a - b),
    inOrder,
  )
})

Returned('leaves as it was then, where a promise gives an object that changes later', async () => {
  const one = { key: '', n: 0 }
  assert.equal(
    await outputsOf(async value => {
      queueMicrotask(() => queueMicrotask(() => Object.assign(one, { n: -1 })))
      return Object.assign(one, value)
    }),
    inOrder,
  )
})

Returned('leaves as it was then, where a generator gives one object again and again', async () => {
  const one = { key: '', n: 0 }
  const outputs = await outputsOf(function* ({ key, n }) {
    yield Object.assign(one, { key, n: 2 * n })
    yield Object.assign(one, { key, n: 2 * n + 1 })
  })
  assert.equal(
    outputs,
    Array.from({ length: 80 }, (_, n) => n),
  )
})

Returned('leaves as it was when it was emitted', async () => {
  const outputs = await outputsOf((value, ctx) => {
    const one = { ...value }
    ctx.emit('default', one)
    one.n = -1
  })
  assert.equal(outputs, inOrder)
})

Returned.run()
