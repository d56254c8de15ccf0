import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endAll } from '../cli/stop/end-all.ts'
import { readJson } from '../controller/atomic-file.ts'
import { startController } from '../controller/controller.ts'
import type { ObservedAnswer } from '../controller/observed-answer.ts'
import { isAlive, type ProcessIdentity } from '../controller/process-identity.ts'
import { aedes } from './support/brokers.ts'
import { Controlled, until } from './support/controlled.ts'
import { freePort } from './support/process-broker.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
  client: MqttClient
  heard: number[]
  sent: number
}

const Zones = suite<World>('a controller with a broker for a zone')

const flow = (zone: string) => `apiVersion: dyninka.dev/v1
name: zoned
sources:
  in: { mqtt: zoned/in, placement: { zone: edge } }
functions:
  filter: { code: filter.ts, from: in, placement: { zone: ${zone} } }
sinks:
  out: { from: filter, mqtt: zoned/out }
`
const filter =
  'export default (value: any): { n: number } | undefined => (value.n % 10 === 0 ? value : undefined)\n'
const nodes = [
  { name: 'gateway', zone: 'edge', arch: 'amd64', labels: {} },
  { name: 'server', zone: 'cloud', arch: 'amd64', labels: {} },
]

Zones.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({ 'dataflow.yaml': flow('edge'), 'filter.ts': filter })
  world.controlled = await Controlled.over({
    repo: world.repository.bare,
    branch: 'main',
    nodes,
    zoneBrokers: { edge: 'embedded' },
  })
  world.client = await connectAsync(world.controlled.brokerUrl)
  world.heard = []
  world.sent = 0
  world.client.on('message', (_, payload) => {
    world.heard.push(JSON.parse(payload.toString()).n)
  })
  await world.client.subscribeAsync('zoned/out', { qos: 1 })
  await world.controlled.ready()
})
Zones.after(async ({ controlled, repository, client }) => {
  await client.endAsync(true)
  await controlled.kill()
  await endAll(controlled.state)
  await controlled.remove()
  await repository.remove()
})

const brokerOf = (state: string) =>
  readJson<ProcessIdentity & { url: string }>(join(state, 'brokers/edge/broker.json'))!

const observed = ({ controlled }: World) => controlled.get<ObservedAnswer>('/api/observed?flow=zoned')

/** The zone whose broker carries what this node sends; null for the dataflow's own. */
async function carrierOf(world: World, node: string) {
  const { wirings } = await observed(world)
  const streams = Object.values(wirings[node]!.outputs).flat()
  return streams.length === 1 ? (streams[0]!.broker ?? null) : streams.map(({ name }) => name)
}

/** What a sink had under way when its broker ended may come again. */
const withoutRepeats = (heard: number[]) => [...new Set(heard)]

async function send(world: World, records = 100, counted = (heard: number[]) => heard) {
  for (let i = 0; i < records; i++)
    await world.client.publishAsync('zoned/in', JSON.stringify({ n: world.sent++ }), { qos: 1 })
  const expected = Array.from({ length: world.sent / 10 }, (_, i) => i * 10)
  await until(
    'all are through',
    () => counted(world.heard).length >= expected.length,
    () => JSON.stringify(world.heard),
  )
  assert.equal(counted(world.heard), expected)
  world.heard = expected
}

Zones('has what is sent from there go by it', async world => {
  assert.is(await carrierOf(world, 'in'), 'edge')
  assert.is(await carrierOf(world, 'filter'), 'edge')
  await send(world)
})

Zones('shows records that pass by it', async world => {
  const response = await fetch(`${world.controlled.url}/api/tap?flow=zoned&function=filter&limit=3`)
  const text = response.text()
  await send(world)
  const lines = (await text)
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.equal(
    lines.map(({ value }) => value.n % 10),
    [0, 0, 0],
  )
})

Zones('is started again when it ends while records flow, and nothing is lost', async world => {
  const before = brokerOf(world.controlled.state)
  const sending = send(world, 1_000, withoutRepeats)
  const from = world.heard.length
  await until('records flow', () => world.heard.length > from + 10)
  process.kill(before.pid, 'SIGTERM')
  await until('another one runs', () => brokerOf(world.controlled.state).pid !== before.pid)
  await sending
  assert.is(brokerOf(world.controlled.state).url, before.url, 'where hosts know it')
  await send(world)
})

Zones('moves an edge with its producer', async world => {
  await world.repository.publish({ 'dataflow.yaml': flow('cloud') })
  await until('it goes by the own broker', async () => (await carrierOf(world, 'filter')) === null)
  await send(world)
  await world.controlled.ready()
  await until('the sink has left the broker', async () => !(await observed(world)).brokers?.out?.length)
  assert.equal((await observed(world)).brokers?.filter, ['edge'])
})

Zones('is not the controller of before once that ends, and nothing is lost', async world => {
  await world.controlled.kill()
  await send(world)
  await world.controlled.start()
  await send(world)
  assert.is(await carrierOf(world, 'in'), 'edge')
})

Zones('lets go of a broker that is not declared any more once all has left it', async world => {
  await world.controlled.kill()
  const { zoneBrokers: _, ...options } = world.controlled.options
  world.controlled = await Controlled.over(options, world.controlled.state)
  await until('all go by the own broker', async () => (await carrierOf(world, 'in')) === null)
  await send(world)
  const isLeft = async () => Object.values((await observed(world)).brokers ?? {}).flat().length === 0
  await until('nothing is on it', isLeft, undefined, 30_000)
  const { processes } = world.controlled
  assert.ok(processes.call(world.controlled).length > 0)
  await world.controlled.kill()
  await world.controlled.start()
  await world.controlled.ready()
  assert.is((await observed(world)).brokersDigest, undefined)
  await send(world)
  assert.ok(existsSync(join(world.controlled.state, 'brokers/edge')))
})

Zones('keeps to the broker of before, where another one is declared, until all has left it', async world => {
  const { controlled } = world
  const [first, second] = [await aedes(), await aedes()]
  const withBroker = async (url: string) => {
    await world.controlled.kill()
    world.controlled = await Controlled.over(
      { ...controlled.options, zoneBrokers: { edge: url } },
      controlled.state,
    )
  }
  try {
    await withBroker(first.url)
    await until(
      'it goes by the first',
      async () => (await carrierOf(world, 'in')) === 'edge',
      undefined,
      30_000,
    )
    await send(world)
    await withBroker(second.url)
    await until('it goes by none', async () => (await carrierOf(world, 'in')) === null, undefined, 30_000)
    await send(world)
    const isLeft = async () => Object.values((await observed(world)).brokers ?? {}).flat().length === 0
    await until('nothing is on the first', isLeft, undefined, 30_000)
    await withBroker(second.url)
    await until(
      'it goes by the second',
      async () => (await carrierOf(world, 'in')) === 'edge',
      undefined,
      30_000,
    )
    await world.controlled.ready()
    await send(world)
  } finally {
    await world.controlled.kill()
    for (const { pid } of world.controlled.processes()) process.kill(pid, 'SIGKILL')
    await first.close()
    await second.close()
  }
})

Zones('ends with all that it ran, where that is asked for', async ({ repository, controlled }) => {
  const state = `${controlled.state}/ended`
  const controller = await startController({
    repo: repository.bare,
    state,
    nodes,
    zoneBrokers: { edge: 'embedded' },
    logger: pino({ level: 'silent' }),
  })
  const { pid } = JSON.parse(readFileSync(join(state, 'brokers/edge/broker.json'), 'utf8')) as { pid: number }
  assert.ok(existsSync(`/proc/${pid}`))
  await controller.stop({ hosts: true })
  await until('the broker has ended', () => !existsSync(`/proc/${pid}`))
})

Zones(
  'refuses a zone that has no node, and a broker that does not answer',
  async ({ repository, controlled }) => {
    const start = (zoneBrokers: Record<string, string>) =>
      startController({ repo: repository.bare, state: `${controlled.state}/other`, nodes, zoneBrokers })
    const reasonOf = (zoneBrokers: Record<string, string>) =>
      start(zoneBrokers).then(
        () => 'started',
        error => [error.reason, error.message, error.hint].join(' '),
      )
    assert.match(await reasonOf({ moon: 'embedded' }), /ZoneUnknown.*zone moon.*There are edge, cloud/)
    assert.match(await reasonOf({ edge: 'http://127.0.0.1' }), /BadBroker/)
    const port = await freePort()
    assert.match(await reasonOf({ edge: `mqtt://127.0.0.1:${port}` }), /BrokerUnreachable zone edge: /)
  },
)

Zones('ends with all else that a controller has started', async ({ repository, controlled }) => {
  const state = `${controlled.state}/all`
  const options = { repo: repository.bare, state, nodes, zoneBrokers: { edge: 'embedded' } }
  const controller = await startController({ ...options, logger: pino({ level: 'silent' }) })
  const broker = brokerOf(state)
  assert.ok(isAlive(broker))
  await controller.stop({ hosts: true })
  assert.not(isAlive(broker))
})

Zones.run()
