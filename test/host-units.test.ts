import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { sessionId, topics } from '../schema/topics.ts'
import { aedes, type TestBroker } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Units = suite<{ broker: TestBroker; rigs: Rig[] }>('a host that loses its session')

Units.before(async context => {
  context.broker = await aedes()
  context.rigs = []
})
Units.after(async ({ broker, rigs }) => {
  for (const rig of rigs) await rig.close()
  await broker.close()
})

/** A source and one host of a function. */
async function working({ broker, rigs }: { broker: TestBroker; rigs: Rig[] }) {
  const nodes = [source('in', { type: 'every', intervalMs: 100 }), fn('work', ['in'])]
  const rig = new Rig(broker.url, nodes, { work: () => undefined })
  rigs.push(rig)
  await rig.start()
  const [host] = rig.hosts('work')
  return { rig, host: host! }
}

Units('waits no longer for it, however often it has lost it, if it held it for a while', async context => {
  const { rig, host } = await working(context)
  const session = sessionId(rig.flow.name, 'work', 0)
  const waits: number[] = []
  for (let time = 1; time <= 4; time++) {
    // Longer than twice the first wait: it was no fight between two hosts for one session.
    await sleep(1_200)
    const start = performance.now()
    rig.link(host).sever(id => id === session)
    await until(() => rig.hosting(host).revision === 0, 'the loss')
    await until(() => rig.hosting(host).revision > 0, 'the session back', 20_000)
    waits.push(performance.now() - start)
  }
  // They doubled: 0.5, 1, 2 and 4 s.
  assert.ok(waits.at(-1)! < 3_000, `waited ${waits.map(Math.round).join(', ')} ms`)
})

Units('connects once, however often the connection is cut while it does so', async context => {
  const { rig, host } = await working(context)
  for (let cut = 0; cut < 200; cut++) {
    await sleep(3)
    rig.link(host).sever()
  }
  await until(() => rig.hosting(host).revision > 0, 'the host back', 20_000)
  let heard = 0
  await rig.watch(topics.hosts(rig.flow.name, 'work'), () => {
    heard += 1
  })
  await sleep(1_000)
  const before = heard
  await sleep(2_000)
  assert.is(heard, before, 'who takes its own connection over comes and goes')
})

Units('blames no record for it: the host is alive', async context => {
  let calls = 0
  const losses = 6
  const rig = new Rig(
    context.broker.url,
    [
      source('in', { type: 'mqtt', filter: 'blame/in', format: 'json' }),
      fn('work', ['in']),
      sink('out', ['work'], { type: 'mqtt', topic: 'blame/out', retain: false }),
    ],
    { work: value => (++calls > losses ? value : new Promise(() => {})) },
  )
  context.rigs.push(rig)
  await rig.start()
  const heard = await rig.listen('blame/out')
  const dead = await rig.listen(topics.deads(rig.flow.name))
  const [host] = rig.hosts('work')
  await rig.publish('blame/in', '{"n":1}')
  for (let loss = 1; loss <= losses; loss++) {
    await until(() => calls === loss || dead.length > 0, `call ${loss}`)
    rig.link(host!).sever()
  }
  await until(() => heard.length > 0 || dead.length > 0, 'the record')
  assert.is(String(dead[0]?.payload ?? ''), '')
  assert.is(String(heard[0]!.payload), '{"n":1}')
})

Units.run()
