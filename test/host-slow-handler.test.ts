import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { aedes } from './support/brokers.ts'
import { fn, Rig, source, until } from './support/rig.ts'

const SlowHandler = suite('a handler that never waits')

SlowHandler('lets the first records of a frame leave before it has handled the last', async () => {
  const broker = await aedes()
  const handled: number[] = []
  const arrivedWhen: number[] = []
  const many = Array.from({ length: 100 }, (_, i) => i)
  const rig = await new Rig(
    broker.url,
    [
      source('in', { type: 'mqtt', filter: 'test/in', format: 'json' }),
      fn('many', ['in']),
      fn('slow', ['many']),
      fn('next', ['slow']),
    ],
    {
      many: () => many,
      slow(n) {
        const end = performance.now() + 3
        while (performance.now() < end);
        handled.push(n as number)
        return n
      },
      next: () => void arrivedWhen.push(handled.length),
    },
  ).start()
  try {
    await rig.publish('test/in', '{}')
    await until(() => arrivedWhen.length === many.length, 'all records to arrive')
    assert.ok(arrivedWhen[0]! < many.length / 2, `the first arrived when ${arrivedWhen[0]} were handled`)
  } finally {
    await rig.close()
    await broker.close()
  }
})

SlowHandler.run()
