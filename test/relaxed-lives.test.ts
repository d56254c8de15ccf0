import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { CrashingTransport } from './support/crashing-transport.ts'
import { RelaxedPartition, type Value } from './support/relaxed-partition.ts'
import { until } from './support/rig.ts'
import { Random } from './torture/random.ts'

interface Counted extends Value {
  part: number
  /** Of the records of its key that the state includes. */
  count: number
}

interface Life {
  seed: number
  concurrency: number
  /** What has failed is known to one owner alone, or to all, as where one process loses its connection again and again. */
  memory: 'of one owner' | 'of all owners'
}

const records = 300
const keys = 8
const deaths = 12

/** One partition, whose owners die one after the other among records that fail and wait. */
async function live({ seed, concurrency, memory }: Life) {
  const random = new Random(seed)
  const partition = await new RelaxedPartition<Counted>({ attempts: 5, backoffMs: 2, concurrency }).open()
  const known = new Set<number>()
  const handlerOf = () => {
    const tried = memory === 'of one owner' ? new Set<number>() : known
    return async function* (value: Value, ctx: Context): AsyncGenerator<Counted> {
      const fails = value.n % 5 === 0 && !tried.delete(value.n)
      if (value.n % 3 === 0) await sleep(value.n % 4)
      if (fails) {
        tried.add(value.n)
        throw new Error('not now')
      }
      const count = ((ctx.state as number | undefined) ?? 0) + 1
      ctx.state = count
      yield { ...value, part: 0, count }
      if (value.n % 2 === 0) await sleep(1)
      yield { ...value, part: 1, count }
    }
  }

  let owners = 0
  let isOver = false
  const own = async () => {
    while (!isOver) {
      const lasts = owners++ < deaths ? 8 + random.between(0, 60) : Number.POSITIVE_INFINITY
      const { promise, resolve } = Promise.withResolvers<void>()
      const transport = new CrashingTransport(partition.transport, lasts, resolve)
      partition.own(handlerOf(), transport, resolve).catch(() => resolve())
      await promise
    }
  }
  void own() // the last one is closed below
  await until(() => partition.isThrough, 'the first owner')

  for (let n = 0; n < records; ) {
    const frame = Array.from({ length: Math.min(random.between(1, 8), records - n) }, () => ({
      key: `k${random.between(0, keys - 1)}`,
      n: ++n,
    }))
    partition.send(frame)
    if (random.next() < 0.6) await sleep(random.between(0, 4))
  }
  await until(() => partition.isThrough, 'all to be finished, or to wait')
  await until(
    () => partition.taken.length + partition.letters.length * 2 >= records * 2,
    'all to leave',
  ).catch(
    () => {}, // what is missing is told below
  )
  isOver = true
  await partition.close()
  return { taken: partition.taken, letters: partition.letters, owners }
}

/** Of each key: its records, in the order in which they left. */
function byKey(taken: Counted[]): Record<string, Counted[]> {
  const found: Record<string, Counted[]> = {}
  for (const one of taken) found[one.key] = [...(found[one.key] ?? []), one]
  return found
}

const Lives = suite('records that fail and wait')

for (const concurrency of [1, 4]) {
  for (const memory of ['of one owner', 'of all owners'] as const) {
    Lives(
      `take effect once and in order, whoever dies; ${concurrency} at once, memory ${memory}`,
      async () => {
        for (let seed = 1; seed <= 5; seed++) {
          const { taken, letters, owners } = await live({ seed, concurrency, memory })
          assert.equal(letters, [], `dead letters, seed ${seed}`)
          for (const [key, left] of Object.entries(byKey(taken))) {
            const numbers = [...new Set(left.map(({ n }) => n))].sort((a, b) => a - b)
            const expected = numbers.flatMap((n, i) => [0, 1].map(part => ({ key, n, part, count: i + 1 })))
            assert.equal(left, expected, `seed ${seed}`)
          }
          assert.is(taken.length, records * 2, `seed ${seed}`)
          assert.ok(owners > 3, `only ${owners} owners`)
        }
      },
    )
  }
}

Lives.run()
