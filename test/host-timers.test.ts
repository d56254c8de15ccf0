import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { partitionName, topics } from '../schema/topics.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { fn, type Handler, Rig, sink, source, until } from './support/rig.ts'

interface Reading {
  key: string
  n: number
}
type Count = Context<{ state: { count: number } }>

let run = 0
const nodes = () => [
  source('in', { type: 'mqtt', filter: `timers/${++run}/in`, format: 'json' }),
  fn('count', ['in'], { key: 'key', scale: { min: 1, max: 2 } }),
  sink('out', ['count'], { type: 'mqtt', topic: `timers/${run}/out`, retain: false }),
]

/** Counts a key's records; when none has come for a while, says how many there were and starts anew. */
const countUntilQuiet = (quietMs: number) => ({
  default(_: unknown, ctx: Count) {
    ctx.state = { count: (ctx.state?.count ?? 0) + 1 }
    ctx.timer(Date.now() + quietMs)
  },
  timer(ctx: Count) {
    const total = ctx.state?.count
    ctx.state = undefined
    return { key: ctx.record.key, total, timer: ctx.record.timer }
  },
})

for (const [name, start] of brokers) {
  const Timers = suite(`timers on ${name}`)
  let broker: TestBroker
  let rig: Rig
  const rigOf = (count: Partial<ReturnType<typeof countUntilQuiet>>) => {
    rig = new Rig(broker.url, nodes(), { count: count as Handler })
    return rig.start()
  }
  Timers.before(async () => {
    broker = await start()
  })
  Timers.after.each(() => rig.close())
  Timers.after(() => broker.close())

  const send = async (records: number) => {
    for (let n = 0; n < records; n++)
      await rig.publish(`timers/${run}/in`, JSON.stringify({ key: `k${n % 4}`, n } satisfies Reading))
  }
  const totals = (heard: { payload: Buffer }[]) =>
    heard.map(({ payload }) => JSON.parse(payload.toString()) as { key: string; total: number; timer: true })

  Timers('fires when time passes with no record, once for each key', async () => {
    await rigOf(countUntilQuiet(150))
    const heard = await rig.listen(`timers/${run}/out`)
    await send(40)
    await until(() => heard.length === 4, '4 totals')
    assert.equal(
      totals(heard)
        .map(({ key, total, timer }) => `${key} ${total} ${timer}`)
        .sort(),
      ['k0 10 true', 'k1 10 true', 'k2 10 true', 'k3 10 true'],
    )
  })

  Timers('survives the death of its host, and a move', async () => {
    await rigOf(countUntilQuiet(600))
    const heard = await rig.listen(`timers/${run}/out`)
    await send(8)
    await until(() => [...rig.hosts('in')].every(id => rig.hosting(id).idle), 'the records to be handled')
    for (const id of rig.hosts('count')) await rig.kill(id)
    await rig.host('count')
    await until(() => heard.length === 4, '4 totals')
    assert.equal(new Set(totals(heard).map(({ total }) => total)), new Set([2]))
  })

  Timers('counts each record in one total, whatever dies while timers fire', async () => {
    await rigOf({
      ...countUntilQuiet(0),
      default(_: unknown, ctx: Count) {
        if (ctx.state === undefined) ctx.timer(Date.now() + 20)
        ctx.state = { count: (ctx.state?.count ?? 0) + 1 }
      },
    })
    const heard = await rig.listen(`timers/${run}/out`)
    const sum = () => totals(heard).reduce((sum, { total }) => sum + total, 0)
    let sent = 0
    let over = false
    const sending = (async () => {
      // Never more at once than a default mosquitto queues.
      for (; !over; sent += 20) {
        await until(() => over || sent - sum() < 400, 'room')
        await send(20)
      }
    })()
    for (let round = 1; round <= 4; round++) {
      const before = heard.length
      await until(() => heard.length > before + 4, 'some totals')
      const [old] = rig.hosts('count')
      await rig.host('count')
      await rig.kill(old!)
    }
    over = true
    await sending
    await until(() => sum() >= sent, `${sent} records in totals`)
    assert.is(sum(), sent)
  })

  Timers('are told once by each host in whose time none could be handled', async () => {
    const gate = Promise.withResolvers<void>()
    const keys = 600
    await rigOf({
      default(_: unknown, ctx: Count) {
        ctx.timer(Date.now() + 1_000)
      },
      async timer(ctx: Count) {
        await gate.promise
        return { key: ctx.record.key, total: 1, timer: true }
      },
    } as object)
    const heard = await rig.listen(`timers/${run}/out`)
    const told = await rig.listen(`dyninka/${rig.flow.name}/timer/#`)
    for (let n = 0; n < keys; n++)
      await rig.publish(`timers/${run}/in`, JSON.stringify({ key: `k${n}`, n } satisfies Reading))
    const hosts = 4
    for (let host = 1; host <= hosts; host++) {
      await until(() => told.length >= 2 * host, 'timers to be told')
      await sleep(200)
      if (host === hosts) break
      await rig.kill(rig.hosts('count')[0]!)
      await rig.ready(await rig.host('count'))
    }
    assert.is(told.length, 2 * hosts) // it has two partitions
    gate.resolve()
    await until(() => new Set(totals(heard).map(({ key }) => key)).size === keys, 'all timers')
  })

  Timers('becomes a dead letter when it throws, and fires when that is replayed', async () => {
    let mended = false
    const count = countUntilQuiet(10)
    await rigOf({
      ...count,
      timer(ctx: Count) {
        if (!mended) throw new Error('not yet')
        return count.timer(ctx)
      },
    })
    const heard = await rig.listen(`timers/${run}/out`)
    const dead = await rig.listen(topics.deads(rig.flow.name))
    await send(1)
    await until(() => dead.length === 1, 'a letter')
    const letter = JSON.parse(dead[0]!.payload.toString())
    assert.is(letter.message, 'not yet')
    assert.is(letter.record.key, 'k0')
    mended = true
    const again = JSON.stringify({ ...letter, replay: 'one' })
    const reader = partitionName(letter.partition, { partitions: 2, key: 'key' })
    for (let times = 0; times < 3; times++)
      await rig.publish(topics.replay(rig.flow.name, 'count', reader), again)
    await send(1)
    await until(() => heard.length >= 2, 'the replayed timer, and the next')
    assert.equal(
      totals(heard)
        .map(({ total }) => total)
        .sort(),
      [1, 1],
    )
  })

  Timers('needs a function to call', async () => {
    await rigOf({ default: countUntilQuiet(10).default })
    const dead = await rig.listen(topics.deads(rig.flow.name))
    await send(1)
    await until(() => dead.length === 1, 'a letter')
    assert.is(JSON.parse(dead[0]!.payload.toString()).reason, 'no-timer')
  })

  Timers.run()
}
