import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

interface Reading {
  key: string
  n: number
}

let run = 0
const nodes = (concurrency: number) => [
  source('in', { type: 'mqtt', filter: `relaxed/${++run}/in`, format: 'json' }),
  fn('count', ['in'], {
    key: 'key',
    scale: { min: 1, max: 2 },
    concurrency,
    retry: { attempts: 4, backoffMs: 40, timeoutMs: 2_000, order: 'relaxed' },
  }),
  sink('out', ['count'], { type: 'mqtt', topic: `relaxed/${run}/out`, retain: false }),
]

/** Counts a key's records, once `waits` is done, and fails where `fails` says so. */
const counting = (fails: (reading: Reading) => boolean, waits?: (reading: Reading) => unknown) => ({
  async count(value: unknown, ctx: Context) {
    const reading = value as Reading
    await waits?.(reading)
    if (fails(reading)) throw new Error('not now')
    const count = ((ctx.state as number | undefined) ?? 0) + 1
    ctx.state = count
    return { ...reading, count, id: ctx.record.id }
  },
})

for (const [name, start] of brokers) {
  const Relaxed = suite(`relaxed retry on ${name}`)
  let broker: TestBroker
  let rig: Rig
  const rigOf = (concurrency: number, ...manner: Parameters<typeof counting>) => {
    rig = new Rig(broker.url, nodes(concurrency), counting(...manner))
    return rig.start()
  }
  Relaxed.before(async () => {
    broker = await start()
  })
  Relaxed.after.each(() => rig.close())
  Relaxed.after(() => broker.close())

  const send = async (records: number, keys: number) => {
    for (let n = 1; n <= records; n++)
      await rig.publish(`relaxed/${run}/in`, JSON.stringify({ key: `k${n % keys}`, n }))
  }
  const parsed = (heard: { payload: Buffer }[]) =>
    heard.map(({ payload }) => JSON.parse(payload.toString()) as Reading & { count: number; id: string })
  const inOrder = (records: (Reading & { count: number })[]) => {
    const last = new Map<string, Reading & { count: number }>()
    for (const record of records) {
      const { n, count } = last.get(record.key) ?? { n: 0, count: 0 }
      assert.is(record.count, count + 1, `record ${record.n} of ${record.key}`)
      assert.ok(record.n > n, `${n} before ${record.n} of ${record.key}`)
      last.set(record.key, record)
    }
  }

  Relaxed('lets other keys pass, and keeps the order of its own', async () => {
    let mended = false
    await rigOf(1, ({ key }) => key === 'k0' && !mended)
    const heard = await rig.listen(`relaxed/${run}/out`)
    await send(12, 4)
    await until(() => heard.length === 9, 'the records of the other keys')
    mended = true
    await until(() => heard.length === 12, 'those of the key that failed')
    const records = parsed(heard)
    assert.equal(
      records.slice(9).map(({ n }) => n),
      [4, 8, 12],
    )
    inOrder(records)
    assert.is(new Set(records.map(({ id }) => id)).size, 12)
  })

  Relaxed('gives a record up after all attempts, and goes on behind it', async () => {
    await rigOf(1, ({ n }) => n === 2)
    const heard = await rig.listen(`relaxed/${run}/out`)
    const dead = await rig.listen(topics.deads(rig.flow.name))
    await send(6, 2)
    await until(() => heard.length === 5 && dead.length === 1, '5 records and a letter')
    const letter = JSON.parse(dead[0]!.payload.toString())
    assert.is(letter.attempts, 4)
    assert.equal(letter.record.value, { key: 'k0', n: 2 })
    assert.is(letter.record.source, 'in')
    inOrder(parsed(heard))
  })

  Relaxed('lets none of its own key pass while others are in the handler', async () => {
    const gate = Promise.withResolvers<void>()
    const called: number[] = []
    await rigOf(
      4,
      ({ n }) => n === 2 && called.filter(one => one === 2).length === 1,
      ({ n }) => {
        called.push(n)
        return n === 1 ? gate.promise : undefined
      },
    )
    const heard = await rig.listen(`relaxed/${run}/out`)
    const put = (key: string, n: number) => rig.publish(`relaxed/${run}/in`, JSON.stringify({ key, n }))
    // Of these keys, the first two share a partition.
    await put('k1', 1)
    await put('k2', 2)
    await until(() => called.includes(2), 'the second to fail')
    await put('k2', 3)
    await put('k0', 4)
    await until(() => heard.length === 1, 'one of the other partition')
    await sleep(100)
    assert.not.ok(called.includes(3), 'the third waits for the second')
    gate.resolve()
    await until(() => heard.length === 4, 'all four')
    inOrder(parsed(heard))
  })

  for (const concurrency of [1, 4])
    Relaxed(
      `counts every record once, whatever dies while records wait; ${concurrency} at once`,
      async () => {
        const failures = new Map<number, number>()
        await rigOf(concurrency, ({ n }) => {
          const failed = failures.get(n) ?? 0
          if (n % 7 !== 0 || failed >= 2) return false
          failures.set(n, failed + 1)
          return true
        })
        const heard = await rig.listen(`relaxed/${run}/out`)
        const sending = send(300, 5)
        sending.catch(() => {}) // where what it waits for does not come, that is what went wrong
        for (let round = 1; round <= 4; round++) {
          await until(() => heard.length >= round * 40, `${round * 40} records`, 30_000)
          const [old] = rig.hosts('count')
          await rig.host('count')
          await rig.kill(old!)
        }
        await sending
        await until(
          () => new Set(parsed(heard).map(({ n }) => n)).size === 300,
          '300 different records',
          30_000,
        )
        inOrder(parsed(heard))
        assert.is(heard.length, 300)
      },
    )

  Relaxed.run()
}
