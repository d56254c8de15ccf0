import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dataflow, type TestDataflow } from '../runtime/testing/index.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'
import { until } from './support/rig.ts'

const dyninka = JSON.stringify(new URL('../runtime/index.ts', import.meta.url).href)

const files = {
  'pass.ts': 'export default (x: unknown) => x\n',
  'smooth.ts': `import { movingAverage } from ${dyninka}
export default movingAverage({ last: 2, of: ({ celsius }: { celsius: number }) => celsius })
`,
  'per-minute.ts': `import { tumbling } from ${dyninka}
const perMinute = tumbling({
  size: '1m',
  start: () => 0,
  add: (n, _reading: { room: string }) => n + 1,
  result: (n, { start }, room) => ({ room, start, n }),
})
export default perMinute
export const timer = perMinute.timer
`,
  'soon.ts': `import { tumbling } from ${dyninka}
const soon = tumbling({
  size: '100ms',
  start: () => 0,
  add: (n, _reading: { room: string }) => n + 1,
  result: (n, _window, room) => ({ room, n }),
})
export default soon
export const timer = soon.timer
`,
  'paid.ts': `import { join } from ${dyninka}
const paid = join({
  left: 'orders',
  right: 'payments',
  within: '1h',
  match: (order: { order: string; n: number }, payment: { order: string; sum: number }) => [order.n, payment.sum],
})
export default paid
export const timer = paid.timer
`,
  'dataflow.yaml': around(`
sources: { readings: { mqtt: a }, orders: { mqtt: b }, payments: { mqtt: c } }
functions:
  smooth: { code: smooth.ts, from: readings, key: room }
  per-minute: { code: per-minute.ts, from: readings, key: room }
  soon: { code: soon.ts, from: readings, key: room }
  paid: { code: paid.ts, from: [orders, payments], key: order }
sinks:
  averages: { from: smooth, log: {} }
  minutes: { from: per-minute, log: {} }
  late: { from: per-minute.late, log: {} }
  counts: { from: soon, log: {} }
  pairs: { from: paid, log: {} }
`),
}

interface Place {
  flow: TestDataflow
  close(): Promise<void>
}

const Host = suite<Place>('helpers in a dataflow')

Host.before.each(async place => {
  const { dir, remove } = await makeFolder(files)
  place.flow = await dataflow(dir)
  place.close = async () => {
    await place.flow.close()
    await remove()
  }
})
Host.after.each(place => place.close())

Host('average each key by itself', async ({ flow }) => {
  const readings = [2, 4, 10, 6].map((celsius, n) => ({ room: n % 2 ? 'attic' : 'loft', celsius }))
  const { averages } = await flow.run({ readings })
  assert.equal(averages, [2, 4, 6, 5])
})

Host('close a window by the event time of its own key', async ({ flow }) => {
  for (const [room, time] of [
    ['attic', 0],
    ['attic', 59_999],
    ['loft', 90_000],
    ['attic', 60_000],
    ['attic', 1],
  ] as const)
    await flow.send('readings', { room, celsius: 1 }, { time })
  await flow.drain()
  assert.equal(flow.sink('minutes').values, [{ room: 'attic', start: 0, n: 2 }])
  assert.is(flow.sink('late').length, 1)
  assert.equal(flow.dead, [])
})

Host('close the last window by the clock', async ({ flow }) => {
  await flow.send('readings', { room: 'attic', celsius: 1 }, { time: 7 })
  await until(() => flow.sink('counts').length > 0, 'the window to close')
  assert.equal(flow.sink('counts').values, [{ room: 'attic', n: 1 }])
  await flow.elapse(120_000)
  assert.equal(flow.sink('minutes').values, [{ room: 'attic', start: 0, n: 1 }])
  assert.equal(flow.dead, [])
})

Host('join two inputs by where a record came from', async ({ flow }) => {
  await flow.send('payments', { order: 'a', sum: 7 }, { time: 5 })
  await flow.send('orders', { order: 'b', n: 1 }, { time: 5 })
  await flow.send('orders', { order: 'a', n: 2 }, { time: 9 })
  await flow.drain()
  assert.equal(flow.sink('pairs').values, [[2, 7]])
  assert.equal(flow.dead, [])
})

Host.run()
