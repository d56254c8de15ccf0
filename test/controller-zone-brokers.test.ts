import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { startController } from '../controller/controller.ts'
import type { ObservedAnswer } from '../controller/observed-answer.ts'
import { aedes, brokers, type TestBroker } from './support/brokers.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  home: TestBroker
  edge: TestBroker
  repository: Repository
  controlled: Controlled
  client: MqttClient
  heard: number[]
  sent: number
}

const flow = (zone: string) => `apiVersion: dyninka.dev/v1
name: zoned
sources:
  in: { mqtt: zoned/in, placement: { zone: edge } }
functions:
  count: { code: count.ts, from: in, key: key, scale: { min: 1, max: 2 }, placement: { zone: ${zone} } }
  pass: { code: pass.ts, from: count, placement: { zone: cloud } }
sinks:
  out: { from: pass, mqtt: zoned/out }
`
const count = `import type { Context } from 'dyninka'
interface In { key: string; n: number }
export default function count({ n }: In, ctx: Context<{ state: number }>): { n: number; count: number } {
  ctx.state = (ctx.state ?? 0) + 1
  return { n, count: ctx.state }
}
`
const pass = 'export default (record: { n: number; count: number }): { n: number; count: number } => record\n'
const nodes = [
  { name: 'gateway', zone: 'edge', arch: 'amd64', labels: {} },
  { name: 'server', zone: 'cloud', arch: 'amd64', labels: {} },
]
const keys = 5
const waitMs = 60_000

/** What keeps no order among the subscriptions of a session can not be one of several. */
const refused = ['nats', 'rabbitmq']

for (const [name, start] of brokers.filter(([name]) => refused.includes(name))) {
  const Refused = suite(`a controller with ${name} and a broker of a zone`)
  Refused('does not start, whichever of the two it is, and says why', async () => {
    const [theirs, ours] = [await start(), await aedes()]
    const repository = await makeRepository()
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-refused-'))
    const refusal = (broker: string, edge: string, state: string) =>
      startController({
        ...{ repo: repository.bare, branch: 'main', nodes, broker, zoneBrokers: { edge } },
        state: join(folder, state),
        logger: pino({ level: 'silent' }),
      }).then(
        async controller => {
          await controller.stop({ hosts: true })
          return 'it started'
        },
        ({ reason, message }) => `${reason} ${message}`,
      )
    try {
      assert.match(await refusal(ours.url, theirs.url, 'a'), /^BrokerUnfit zone edge: /)
      assert.match(await refusal(theirs.url, ours.url, 'b'), /^BrokerUnfit the broker at /)
    } finally {
      await repository.remove()
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      await theirs.close()
      await ours.close()
    }
  })
  Refused.run()
}

for (const [name, start] of brokers.filter(([name]) => !refused.includes(name))) {
  const Zones = suite<World>(`a controller with brokers of its own and of a zone, on ${name}`)

  Zones.before(async world => {
    world.home = await start()
    world.edge = await start()
    world.repository = await makeRepository()
    await world.repository.publish({ 'dataflow.yaml': flow('edge'), 'count.ts': count, 'pass.ts': pass })
    world.controlled = await Controlled.over({
      repo: world.repository.bare,
      branch: 'main',
      nodes,
      broker: world.home.url,
      zoneBrokers: { edge: world.edge.url },
    })
    world.client = await connectAsync(world.home.url)
    world.heard = []
    world.sent = 0
    world.client.on('message', (_, payload) => {
      const { n, count } = JSON.parse(payload.toString()) as { n: number; count: number }
      assert.is(count, Math.floor(n / keys) + 1, `state of ${n}`)
      world.heard.push(n)
    })
    await world.client.subscribeAsync('zoned/out', { qos: 1 })
    await world.controlled.ready(undefined, waitMs)
  })
  Zones.after(async ({ controlled, repository, client, home, edge }) => {
    await client?.endAsync(true)
    await controlled?.remove()
    await repository.remove()
    await home.close()
    await edge.close()
  })

  async function carrierOf({ controlled }: World, node: string) {
    const { wirings } = await controlled.get<ObservedAnswer>('/api/observed?flow=zoned')
    return Object.values(wirings[node]!.outputs)
      .flat()
      .map(({ broker }) => broker ?? 'home')
      .join()
  }

  async function send(world: World, records: number) {
    for (let i = 0; i < records; i++) {
      const n = world.sent++
      await world.client.publishAsync('zoned/in', JSON.stringify({ key: `k${n % keys}`, n }), { qos: 1 })
    }
  }

  async function through(world: World) {
    await until(
      'all are through',
      () => world.heard.length >= world.sent,
      () => JSON.stringify(world.heard),
      waitMs,
    )
    for (let key = 0; key < keys; key++)
      assert.equal(
        world.heard.filter(n => n % keys === key),
        Array.from({ length: world.sent }, (_, n) => n).filter(n => n % keys === key),
      )
    assert.is(world.heard.length, world.sent)
  }

  Zones('has what is sent from there go by it', async world => {
    assert.is(await carrierOf(world, 'in'), 'edge')
    assert.is(await carrierOf(world, 'count'), 'edge')
    assert.is(await carrierOf(world, 'pass'), 'home')
    await send(world, 50)
    await through(world)
  })

  for (const [zone, carrier] of [
    ['cloud', 'home'],
    ['edge', 'edge'],
  ] as const)
    Zones(`moves an edge by ${carrier} while records flow, and loses nothing`, async world => {
      await world.repository.publish({ 'dataflow.yaml': flow(zone) })
      const moved = until(
        `it goes by ${carrier}`,
        async () => (await carrierOf(world, 'count')) === carrier,
        undefined,
        waitMs,
      )
      await send(world, 100)
      await moved
      await send(world, 20)
      await through(world)
    })

  Zones('goes on where the controller of before ended', async world => {
    await world.controlled.kill()
    await send(world, 20)
    await world.controlled.start()
    await world.controlled.ready(undefined, waitMs)
    await send(world, 20)
    await through(world)
  })

  Zones.run()
}
