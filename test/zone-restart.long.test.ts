import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Context } from '../runtime/context.ts'
import { aedes, hasMosquitto, mosquitto } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Restart = suite('a broker of a zone that is started again while records flow')

interface Counted {
  key: string
  n: number
  count: number
}

const keys = 8
const maxUnderWay = 150
const kept = 'persistence true\npersistence_location DIR/\n'

const onMosquitto = hasMosquitto() ? Restart : Restart.skip
onMosquitto('loses nothing, and keeps order, on a mosquitto that is asked to end', async () => {
  const home = await aedes()
  const edge = await mosquitto(kept)
  const rig = new Rig(
    home.url,
    [
      source('in', { type: 'mqtt', filter: 'restart/in', format: 'json' }, { placement: { zone: 'edge' } }),
      fn('first', ['in'], { key: 'key', placement: { zone: 'edge' } }),
      fn('count', ['first'], { key: 'key', scale: { min: 1, max: 2 } }),
      sink('out', ['count'], { type: 'mqtt', topic: 'restart/out', retain: false }),
    ],
    {
      first: value => value,
      count: (value: unknown, ctx: Context) => {
        const { count } = (ctx.state as { count: number } | undefined) ?? { count: 0 }
        ctx.state = { count: count + 1 }
        return { ...(value as { key: string; n: number }), count: count + 1 }
      },
    },
    {},
    { edge: edge.url },
  )
  let [isFlowing, sent] = [true, 0]
  try {
    await rig.start()
    const heard = await rig.listen('restart/out')
    const feeding = (async () => {
      while (isFlowing) {
        if (sent - heard.length >= maxUnderWay) await sleep(5)
        else await rig.publish('restart/in', JSON.stringify({ key: `k${sent % keys}`, n: sent++ }))
        if (sent % 8 === 0) await sleep(1)
      }
    })()
    const flowOn = async () => {
      const before = heard.length
      await until(() => heard.length > before + 200, 'records to flow', 60_000)
    }
    await flowOn()
    for (let round = 0; round < 3; round++) {
      await edge.end()
      await sleep(300 * round)
      await edge.restart()
      await flowOn()
    }
    isFlowing = false
    await feeding
    await until(() => heard.length >= sent, `${sent} records, of which ${heard.length} came`, 60_000)
    await sleep(100) // for what comes twice
    const records = heard.map(({ payload }) => JSON.parse(payload.toString()) as Counted)
    for (let key = 0; key < keys; key++) {
      const own = records.filter(record => record.key === `k${key}`)
      assert.equal(
        own.map(({ n, count }) => [n, count]),
        own.map((_, i) => [key + i * keys, i + 1]),
      )
    }
    assert.is(records.length, sent)
  } finally {
    isFlowing = false
    await rig.close()
    await edge.close()
    await home.close()
  }
})

Restart.run()
