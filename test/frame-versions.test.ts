import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { decode } from '../runtime/frame.ts'
import { topics } from '../schema/topics.ts'
import { aedes } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Versions = suite('versions of frames')

const nodes = [
  source('in', { type: 'mqtt', filter: 'x/in', format: 'json' }),
  fn('f', ['in']),
  sink('out', ['f'], { type: 'log' }),
  sink('more', ['f'], { type: 'log' }),
]
const readings = (n: unknown) => Array.from({ length: 5 }, (_, i) => ({ n, i }))

Versions('are what all that read a lane have said that they can read', async () => {
  const broker = await aedes()
  const rig = new Rig(broker.url, nodes, { f: readings })
  try {
    await rig.wire()
    const heard = await rig.listen(topics.data(rig.flow.name, 'f', 'default', 'all', 0))
    for (const node of ['f', 'in']) await rig.ready(await rig.host(node))
    let n = 0
    const versionOfNext = async () => {
      await rig.publish('x/in', String(++n))
      await until(() => heard.length === n, `frame ${n}`)
      const payload = heard.at(-1)!.payload
      assert.equal(
        decode(payload).records.map(({ value }) => value),
        readings(n),
      )
      return (JSON.parse(payload.toString()) as { v: number }).v
    }
    const says = async (consumer: string, frames?: unknown) => {
      const cursor = { v: 1, lanes: { 'f.0': { 'in.0': n } }, ...(frames !== undefined && { frames }) }
      await rig.publish(topics.credit(rig.flow.name, consumer, 0), JSON.stringify(cursor), true)
      await rig.publish('x/nothing', '') // behind it, on the same connection
    }
    const becomes = async (version: number) => {
      for (let times = 0; times < 100; times++) if ((await versionOfNext()) === version) return
      assert.unreachable(`still not version ${version}`)
    }

    assert.is(await versionOfNext(), 1, 'nobody has said anything')
    await says('out', 2)
    for (let times = 0; times < 5; times++) assert.is(await versionOfNext(), 1, 'only one of two')
    await says('more', 3)
    await becomes(2)
    for (const unknown of [undefined, 'x', -1, null, 1e99]) {
      await says('more', unknown)
      await becomes(1)
      await says('more', 2)
      await becomes(2)
    }
  } finally {
    await rig.close()
    await broker.close()
  }
})

Versions('are said by who takes a partition over', async () => {
  const broker = await aedes()
  const rig = new Rig(broker.url, nodes, { f: readings })
  try {
    await rig.wire()
    const cursors = await rig.listen(topics.credit(rig.flow.name, 'f', 0))
    await rig.ready(await rig.host('f'))
    await until(() => cursors.length > 0, 'a cursor')
    for (const { payload } of cursors) assert.is(JSON.parse(payload.toString()).frames, 2)
  } finally {
    await rig.close()
    await broker.close()
  }
})

Versions.run()
