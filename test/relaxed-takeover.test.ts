import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { RelaxedPartition, type Value } from './support/relaxed-partition.ts'
import { until } from './support/rig.ts'

const Relaxed = suite('a takeover among records that fail and wait')

const never = () => new Promise(() => {})

/** Lets each record through for which it gives nothing. */
const passing = (handler: (value: Value) => unknown) => (value: Value) => handler(value) ?? value

const numbersOf = ({ taken }: RelaxedPartition) => taken.map(({ n }) => n)

Relaxed('loses none that failed, and whose successors have left', async () => {
  const partition = await new RelaxedPartition().open()
  await partition.own(
    passing(({ n }) => {
      if (n === 1) throw new Error('not now')
      return n === 3 ? never() : undefined
    }),
  )
  partition.send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
    { key: 'c', n: 3 },
  ])
  await until(() => numbersOf(partition).includes(2), 'the second to pass the first')
  await partition.own(passing(() => undefined)) // nothing fails any more: alone, the first would come behind the second
  await until(() => partition.taken.length === 3, 'all three')
  assert.equal(numbersOf(partition).toSorted(), [1, 2, 3])
  await partition.close()
})

Relaxed('loses none whose next attempt failed, and whose successors have left', async () => {
  const partition = await new RelaxedPartition().open()
  const tried = new Set<number>()
  let isLast = false
  await partition.own(
    passing(({ n }) => {
      const isFirst = !tried.has(n)
      tried.add(n)
      if (isFirst || n === 1 || (n === 3 && !numbersOf(partition).includes(2))) throw new Error('not now')
      if (n !== 3) return undefined
      isLast = true
      return never()
    }),
  )
  partition.send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
    { key: 'c', n: 3 },
  ])
  await until(() => isLast, 'the second to leave, and the third to be tried')
  await partition.own(passing(() => undefined))
  await until(() => partition.taken.length === 3, 'all three')
  assert.equal(numbersOf(partition).toSorted(), [1, 2, 3])
  await partition.close()
})

Relaxed('repeats none that left, and fails now', async () => {
  const partition = await new RelaxedPartition().open()
  await partition.own(passing(({ n }) => (n === 2 ? never() : undefined)))
  partition.send([
    { key: 'a', n: 1 },
    { key: 'b', n: 2 },
  ])
  await until(() => numbersOf(partition).includes(1), 'the first')
  let failed = false
  await partition.own(
    passing(({ n }) => {
      if (n !== 1 || failed) return
      failed = true
      throw new Error('not now')
    }),
  )
  await until(() => numbersOf(partition).includes(2), 'the second')
  partition.send([{ key: 'a', n: 3 }])
  await until(() => numbersOf(partition).includes(3), 'the third')
  assert.ok(failed)
  assert.equal(numbersOf(partition), [1, 2, 3])
  await partition.close()
})

Relaxed.run()

const Together = suite('records in the handler together')

Together(
  'do not pass one of their key that failed, and is to wait once those before it are settled',
  async () => {
    const partition = await new RelaxedPartition({ concurrency: 4 }).open()
    const gate = Promise.withResolvers<void>()
    const called: number[] = []
    await partition.own(async value => {
      const isFirst = !called.includes(value.n)
      called.push(value.n)
      if (value.n === 1) await gate.promise
      if (value.n === 2 && isFirst) throw new Error('not now')
      return value
    })
    partition.send([
      { key: 'a', n: 1 },
      { key: 'b', n: 2 },
    ])
    await until(() => called.includes(2), 'the second to fail')
    partition.send([
      { key: 'b', n: 3 },
      { key: 'c', n: 4 },
    ])
    await sleep(20)
    assert.equal(called, [1, 2])
    gate.resolve()
    await until(() => partition.taken.length === 4, 'all four')
    assert.equal(
      partition.taken.filter(({ key }) => key === 'b').map(({ n }) => n),
      [2, 3],
    )
    await partition.close()
  },
)

Together.run()
