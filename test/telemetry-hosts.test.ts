import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { hostBundle } from '../builder/index.ts'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { FlowTelemetry } from '../controller/telemetry/flow-telemetry.ts'
import { mergeWindows, type Window } from '../controller/telemetry/window.ts'
import { topics } from '../schema/topics.ts'
import { aedes, type TestBroker } from './support/brokers.ts'
import { startHost } from './support/host-process.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Hosts = suite<{ broker: TestBroker; client: BrokerClient }>('telemetry of real hosts')

Hosts.before(async world => {
  world.broker = await aedes()
  world.client = await BrokerClient.connect(world.broker.url, { onChange() {}, onConnection() {} })
})
Hosts.after(async ({ broker, client }) => {
  await client.close()
  await broker.close()
})

/** Closes a window each time that it is asked. */
async function watching(rig: Rig, client: BrokerClient, others: { id: string; node: string }[] = []) {
  const view = await client.watch(rig.flow.name)
  const telemetry = new FlowTelemetry()
  let now = performance.timeOrigin + performance.now()
  let all: Window | undefined
  const { nodes } = rig.flow
  const look = () => {
    const ours = nodes.flatMap(({ name }) => rig.hosts(name).map(id => ({ id, node: name })))
    const hosts = [...ours, ...others].map(host => ({ ...host, place: `node-of-${host.node}` }))
    now += 10_000
    const window = telemetry.look(view, nodes, hosts, now)
    if (window) all = all ? mergeWindows(all, window) : window
    return { window, all }
  }
  // Hosts here report far more often than is taken from them in one window.
  const looking = setInterval(look, 20)
  return { telemetry, look, [Symbol.dispose]: () => clearInterval(looking) }
}

Hosts('tells how much each edge carries, whichever hosts carry it', async ({ broker, client }) => {
  const nodes = [
    source('in', { type: 'mqtt', filter: 'load/in', format: 'json' }),
    fn('f', ['in'], { scale: { min: 2, max: 2 } }),
    sink('out', ['f'], { type: 'mqtt', topic: 'load/out', retain: false }),
  ]
  const rig = new Rig(broker.url, nodes, { f: value => value }, { figuresMs: 100 })
  using watched = await watching(rig, client)
  const { telemetry, look } = watched
  await rig.start()
  await rig.ready(await rig.host('f'))
  for (let n = 0; n < 40; n++) await rig.publish('load/in', JSON.stringify({ n }))
  await until(
    () => {
      const { edges, outside } = look().all!
      return [edges.f?.in, edges.out?.f, outside.in?.in, outside.out?.out].every(
        flown => flown?.records === 40,
      )
    },
    '40 records on each edge',
    60_000,
  )
  // Each has a link of its own to the broker, and so a name of its own for it; a ping is sent once a second.
  const brokersOf = (node: string) => Object.keys(look().all!.roundTripMs[`node-of-${node}`] ?? {})
  await until(() => brokersOf('f').length === 2 && brokersOf('out').length === 1, 'round trips', 60_000)
  const { edges, functions } = look().all!
  assert.ok(edges.f!.in!.recordsPerSecond!.count > 0)
  assert.equal(Object.keys(functions.f!), ['node-of-f'])
  assert.is(functions.f!['node-of-f']!.calls, 40)
  assert.equal(telemetry.refused, {})
  await rig.close()
})

Hosts(
  'knows a host whose clock is three minutes fast, and uses none of its latencies',
  async ({ broker, client }) => {
    const dir = await mkdtemp(join(tmpdir(), 'dyninka-clock-'))
    const nodes = [
      source('in', { type: 'mqtt', filter: 'fast/in', format: 'json' }),
      sink('right', ['in'], { type: 'log' }),
      sink('fast', ['in'], { type: 'log' }),
    ]
    const rig = new Rig(broker.url, nodes, {}, { figuresMs: 100 })
    await rig.wire()
    for (const node of ['right', 'in']) await rig.ready(await rig.host(node))
    const clock = join(dir, 'clock.mjs')
    await writeFile(clock, 'const { now } = Date\nDate.now = () => now() + 180_000\n')
    const program = join((await hostBundle(join(dir, 'store'))).path, 'host.mjs')
    const host = startHost({
      host: program,
      flow: rig.flow.name,
      node: 'fast',
      broker: broker.url,
      env: { NODE_OPTIONS: `--import ${clock}` },
    })
    let ticking: NodeJS.Timeout | undefined
    try {
      using watched = await watching(rig, client, [{ id: host.id, node: 'fast' }])
      const { telemetry, look } = watched
      ticking = setInterval(() => void rig.publish('fast/in', '1').catch(() => {}), 50)
      await until(
        () => (look().all?.edges.fast?.in?.ignored?.clocks ?? 0) > 10,
        'latencies to be ignored',
        60_000,
      )
      const { fast, right } = look().all!.edges
      assert.is(fast!.in!.latency, undefined)
      assert.is(right!.in!.ignored, undefined)
      assert.ok(right!.in!.latency, 'others are used')
      assert.equal(telemetry.refused, {})
    } finally {
      clearInterval(ticking)
      host.child.kill('SIGKILL')
      await rig.close()
      await rm(dir, { recursive: true, force: true })
    }
  },
)

Hosts('counts what a foreign client publishes, and goes on', async ({ broker, client }) => {
  const nodes = [source('in', { type: 'every', intervalMs: 20 }), sink('out', ['in'], { type: 'log' })]
  const rig = new Rig(broker.url, nodes, {}, { figuresMs: 100 })
  using watched = await watching(rig, client)
  const { telemetry, look } = watched
  await rig.start()
  const [out] = rig.hosts('out')
  const send = (host: string, payload: string) =>
    rig.publish(topics.figures(rig.flow.name, 'out', host), payload)
  await send(out!, '{"v":1,"host":null')
  await send('nobody', '{}')
  await until(
    () => {
      look()
      return telemetry.refused.malformed === 1 && telemetry.refused.foreign === 1
    },
    'both to be counted',
    60_000,
  )
  const { records: before = 0 } = look().all?.edges.out?.in ?? {}
  await until(() => (look().all?.edges.out?.in?.records ?? 0) > before, 'more records', 60_000)
  await rig.close()
})

Hosts.run()
