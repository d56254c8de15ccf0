import { mock } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowView } from '../controller/broker/flow-view.ts'
import { LoadGauge } from '../controller/load-gauge.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { topics } from '../schema/topics.ts'
import { aedes, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

interface World {
  broker: TestBroker
}

const Clock = suite<World>('a clock that is set by an hour')

const hour = 3_600_000
const now = Date.now
const setClock = (byMs: number) => {
  Date.now = () => now() + byMs
}

Clock.before(async world => {
  world.broker = await aedes()
})
Clock.after.each(() => {
  Date.now = now
  mock.timers.reset()
})
Clock.after(({ broker }) => broker.close())

for (const byMs of [hour, -hour]) {
  const which = byMs > 0 ? 'forth' : 'back'

  Clock(`${which}: no connection is given up for it`, async ({ broker }) => {
    mock.timers.enable({ apis: ['setInterval'] })
    let ended: unknown
    const connection = await wireTransport(broker.url).connect({
      clientId: `clock-${which}`,
      clean: true,
      onMessage() {},
      onClose: error => {
        ended = error ?? 'closed'
      },
    })
    setClock(byMs)
    mock.timers.tick(30_000) // by what looks after the connection
    await connection.ping()
    assert.is(ended, undefined)
    await connection.close()
  })

  Clock(`${which}: records go on, none twice, in their order`, async ({ broker }) => {
    const topic = `clock/${which}`
    const rig = await new Rig(
      broker.url,
      [
        source('in', { type: 'mqtt', filter: `${topic}/in`, format: 'json' }),
        fn('pass', ['in'], { retry: { attempts: 3, backoffMs: 20, timeoutMs: 2_000, order: 'strict' } }),
        sink('out', ['pass'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
      ],
      { pass: flaky() },
    ).start()
    const heard = await rig.listen(`${topic}/out`)
    for (let n = 1; n <= 60; n++) {
      if (n === 20) setClock(byMs)
      if (n === 40) Date.now = now
      await rig.publish(`${topic}/in`, JSON.stringify({ n }))
    }
    await until(() => heard.length >= 60, '60 records')
    await sleep(100)
    assert.equal(
      heard.map(({ payload }) => JSON.parse(String(payload)).n),
      Array.from({ length: 60 }, (_, i) => i + 1),
    )
    await rig.close()
  })

  Clock(`${which}: rates and load stay as they are`, () => {
    const view = new FlowView('f', () => {})
    const gauge = new LoadGauge()
    for (let second = 1; second <= 4; second++) {
      if (second === 3) setClock(byMs)
      const report = {
        v: 1,
        at: new Date(Date.now()).toISOString(),
        upMs: second * 1000,
        recordsIn: second * 10,
        recordsOut: second * 10,
        inFlight: 0,
        handlerMs: second * 500,
        activeMs: second * 500,
        backlog: {},
      }
      view.take(topics.telemetry('f', 'node', 'a'), Buffer.from(JSON.stringify(report)))
      gauge.read(view.reports())
      if (second > 1) assert.is(view.rates().get('node'), 10)
    }
    const { rate, load } = gauge.measure('node', new Set(['a']), 1)
    assert.equal([rate, load], [10, 0.5])
  })
}

/** Fails the first time for every fifth record. */
function flaky() {
  const failed = new Set<number>()
  return (value: unknown) => {
    const { n } = value as { n: number }
    if (n % 5 > 0 || failed.has(n)) return value
    failed.add(n)
    throw new Error('not at once')
  }
}

Clock.run()
