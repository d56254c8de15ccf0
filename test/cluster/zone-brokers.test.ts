import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { resources } from '../../controller/kubernetes/resource.ts'
import { hostProcesses } from '../../controller/orchestrator/local/processes.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { sessionId } from '../../schema/topics.ts'
import { makeAuthority } from '../support/authority.ts'
import { type KillableBroker, mosquitto } from '../support/brokers.ts'
import { until } from '../support/controlled.ts'
import { Stage } from './support/stage.ts'

interface World {
  stage: Stage
  edge: KillableBroker
  other: KillableBroker
  client: MqttClient
  heard: number[]
  /** Topics of the data plane that the broker of the zone carried. */
  carried: Set<string>
  sent: number
}

/** Without nodes: hosts are processes of this machine, and nodes are known by name alone. */
const Zones = suite<World>('brokers of zones of a Dataflow')

const flow = `apiVersion: dyninka.dev/v1
name: zoned
sources:
  in: { mqtt: zoned/in, placement: { zone: edge } }
functions:
  filter: { code: filter.ts, from: in, placement: { zone: edge } }
sinks:
  out: { from: filter, mqtt: zoned/out }
`
const filter =
  'export default (value: any): { n: number } | undefined => (value.n % 10 === 0 ? value : undefined)\n'
const nodes = [
  { name: 'gateway', zone: 'edge', arch: 'amd64', labels: {} },
  { name: 'server', zone: 'cloud', arch: 'amd64', labels: {} },
]
const waitMs = 90_000

const clusterNode = (name: string, zone: string) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
})

Zones.before(async world => {
  world.stage = await Stage.open()
  const { stage } = world
  world.edge = await mosquitto('persistence true\npersistence_location DIR/\n')
  world.other = await mosquitto()
  await stage.api.apply(clusterNode('server', 'cloud'))
  await stage.repository.publish({ 'dataflow.yaml': flow, 'filter.ts': filter }, stage.url)
  await stage.replica({ nodes, leaseMs: 3_000 })
  world.client = await connectAsync(stage.broker.url)
  world.heard = []
  world.carried = new Set()
  world.sent = 0
  world.client.on('message', (_, payload) => world.heard.push(JSON.parse(payload.toString()).n))
  await world.client.subscribeAsync('zoned/out', { qos: 1 })
})
Zones.after(async ({ client, stage, edge, other }) => {
  await client?.endAsync(true)
  await stage?.close()
  await edge?.close()
  await other?.close()
})

type Zone = { zone: string; url?: string; secretRef?: { name: string } }
const apply = ({ stage }: World, ...zones: Zone[]) =>
  stage.apply('zoned', { broker: { url: stage.broker.url, ...(zones.length > 0 && { zones }) } })

const stateOf = async ({ stage }: World) =>
  (await stage.get('zoned'))?.status?.zoneBrokers?.map(({ zone, url, state }) => `${zone} ${url} ${state}`)

/** Waits until brokers of zones are as told. */
const stated = async (world: World, ...wanted: string[]) => {
  let last: string[] | undefined
  await until(
    `brokers are ${wanted}`,
    async () => {
      last = await stateOf(world)
      return (last ?? []).join() === wanted.join()
    },
    () => JSON.stringify(last),
    waitMs,
  )
}

async function publish({ client }: World, n: number) {
  await client.publishAsync('zoned/in', JSON.stringify({ n }), { qos: 1 })
}

async function through(world: World) {
  const expected = Array.from({ length: world.sent / 10 }, (_, i) => i * 10)
  await until(
    'all are through',
    () => world.heard.length >= expected.length,
    () => JSON.stringify(world.heard),
    waitMs,
  )
  assert.equal(world.heard, expected)
}

async function send(world: World, records = 50) {
  for (let i = 0; i < records; i++) await publish(world, world.sent++)
  await through(world)
}

/** Processes of one function. */
const filters = ({ stage }: World) =>
  hostProcesses(`--record=${stage.hosts}/`).filter(({ record }) => record.includes('filter'))

/** Secrets with what was told of brokers. */
const kept = async ({ stage }: World) =>
  (await stage.client.list(resources.Secret, { namespace: 'default' })).items
    .map(({ metadata }) => metadata.name)
    .filter(name => /zone-brokers|accounts/.test(name))

Zones('are taken up once their zone has a node, and their Secret is there', async world => {
  const { stage, edge } = world
  await apply(world, { zone: 'edge', secretRef: { name: 'edge' } })
  await stage.until('zoned', 'Reconciling', 'True SecretNotFound')
  assert.match(
    await stage.message('zoned', 'Ready'),
    /Secret edge, which spec.broker.zones\[edge\].secretRef names/,
  )
  await stage.api.kubectl(
    'create',
    'secret',
    'generic',
    'edge',
    `--from-literal=url=${edge.url.slice(0, -1)}x`,
  )
  await stage.until('zoned', 'Stalled', 'True BadBroker')
  await stage.api.kubectl(
    ...['patch', 'secret', 'edge', '-p', JSON.stringify({ stringData: { url: edge.url } })],
  )
  await stage.until('zoned', 'Reconciling', 'True ZoneUnknown')
  assert.match(await stage.message('zoned', 'Ready'), /no node in the zone edge.* There is cloud/)
  await stage.api.apply(clusterNode('gateway', 'edge'))
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await stated(world, `edge ${edge.url} Used`)
})

Zones('carry what is sent from their zone, and nothing else does', async world => {
  const own = new Set<string>()
  const eavesdrop = async (url: string, topics: Set<string>) => {
    const client = await connectAsync(url)
    client.on('message', topic => topics.add(topic.split('/')[3]!))
    await client.subscribeAsync('dyninka/zoned/data/#')
    return client
  }
  const clients = [
    await eavesdrop(world.edge.url, world.carried),
    await eavesdrop(world.stage.broker.url, own),
  ]
  await send(world)
  for (const client of clients) await client.endAsync()
  assert.equal([...world.carried].toSorted(), ['filter', 'in'])
  assert.equal([...own], [])
})

Zones('that can not be what they are said to be are refused, and what runs goes on', async world => {
  const { stage, edge } = world
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-authority-'))
  const { tls } = await makeAuthority(folder)
  const secure = createServer(tls, socket => {
    const { hostname, port } = new URL(world.other.url)
    const behind = connect(Number(port), hostname)
    socket.on('error', () => behind.destroy()).pipe(behind)
    behind.on('error', () => socket.destroy()).pipe(socket)
  }).listen(0, '127.0.0.1')
  await once(secure, 'listening')
  const { port } = secure.address() as AddressInfo
  const unfit = await mosquitto('retain_available false\n')
  const before = stage.pids()
  const first = { zone: 'edge', secretRef: { name: 'edge' } }
  try {
    await apply(world, first, { zone: 'cloud', url: unfit.url })
    await stage.until('zoned', 'Stalled', 'True BrokerUnfit')
    assert.match(await stage.message('zoned', 'Stalled'), /^zone cloud: .*retain/)
    await apply(world, first, { zone: 'cloud', url: `mqtts://127.0.0.1:${port}` })
    await stage.until('zoned', 'Reconciling', 'True BrokerUnreachable')
    assert.match(await stage.message('zoned', 'Reconciling'), /^zone cloud: .*certificate/)
    await apply(world, first, { zone: 'moon', url: world.other.url })
    await stage.until('zoned', 'Reconciling', 'True ZoneUnknown')
    assert.match(
      await stage.message('zoned', 'Reconciling'),
      /no node in the zone moon.*There are cloud, edge/,
    )
    assert.equal(stage.pids(), before)
    await send(world)
    // An Event is written in its own time.
    await until('it is told', async () => {
      const notes = (await stage.events('zoned')).map(({ note }) => note)
      return ['zone cloud: ', 'the zone moon'].every(word => notes.some(note => note.includes(word)))
    })
  } finally {
    await unfit.close()
    secure.close()
    await rm(folder, { recursive: true })
  }
  await apply(world, first)
  await stage.until('zoned', 'Reconciling', 'False Done')
  await stated(world, `edge ${edge.url} Used`)
  assert.equal(stage.pids(), before)
})

Zones('that are away hold nothing else up, not even a controller that starts', async world => {
  const { stage, edge } = world
  await edge.end()
  await stage.until('zoned', 'ZoneBrokerAway', 'True BrokerUnreachable')
  assert.match(
    await stage.message('zoned', 'ZoneBrokerAway'),
    /^zone edge: .* does not answer; .*the rest goes on/,
  )
  await stated(world, `edge ${edge.url} Away`)
  for (let i = 0; i < 20; i++) await publish(world, world.sent++)
  await stage.replicas.pop()!.kill()
  await stage.replica({ nodes, leaseMs: 3_000 })
  const commit = await stage.repository.publish(
    { 'dataflow.yaml': flow.replace('filter.ts,', 'filter.ts, env: { A: b },') },
    stage.url,
  )
  await until(
    'the push is taken up',
    async () => (await stage.get('zoned'))?.status?.revision?.includes(commit) === true,
    undefined,
    waitMs,
  )
  await edge.restart()
  await stage.ready('zoned', commit, waitMs)
  await through(world)
  await stated(world, `edge ${edge.url} Used`)
  await until('it is told', async () => {
    const events = (await stage.events('zoned')).map(({ reason, note }) => `${reason} ${note}`)
    return ['ZoneBrokerAway', 'ZoneBrokerBack'].every(reason =>
      events.some(event => event.startsWith(`${reason} the broker of zone edge`)),
    )
  })
})

Zones('that are changed while they hold records are left first', async world => {
  const { stage, edge, other } = world
  const stopped = filters(world)
  assert.ok(stopped.length > 0)
  for (const { pid } of stopped) process.kill(pid, 'SIGSTOP')
  for (let i = 0; i < 30; i++) await publish(world, world.sent++)
  await apply(world, { zone: 'edge', url: other.url })
  await stated(world, `edge ${edge.url} Leaving`)
  for (let i = 0; i < 20; i++) await publish(world, world.sent++)
  for (const { pid } of stopped) process.kill(pid, 'SIGCONT')
  await through(world)
  await stated(world, `edge ${other.url} Used`)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await edge.end()
  await send(world)
  await edge.restart()
})

Zones('are given up when none is declared any more, with all that was kept of them', async world => {
  const { stage } = world
  assert.equal(await kept(world), ['dyninka-zoned-broker-accounts', 'dyninka-zoned-zone-brokers'])
  await apply(world)
  await until('none is known', async () => (await stateOf(world)) === undefined, undefined, waitMs)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await send(world)
  assert.equal(await kept(world), [])
})

Zones(
  'that are gone for good with records are replaced once what was kept of them is deleted',
  async world => {
    const { stage, edge, other } = world
    await apply(world, { zone: 'edge', url: edge.url })
    await stated(world, `edge ${edge.url} Used`)
    await stage.until('zoned', 'Ready', 'True Running', waitMs)
    await send(world)
    for (const { pid } of filters(world)) process.kill(pid, 'SIGSTOP')
    for (let i = 0; i < 30; i++) await publish(world, world.sent + i)
    await edge.close()
    await stage.until('zoned', 'ZoneBrokerAway', 'True BrokerUnreachable')
    await stage.api.kubectl('delete', 'secret', 'dyninka-zoned-zone-brokers')
    await apply(world, { zone: 'edge', url: other.url })
    await stated(world, `edge ${other.url} Used`)
    await stage.until('zoned', 'Ready', 'True Running', waitMs)
    world.sent += 30
    const lost = 1_000
    for (let i = 0; i < 100; i++) await publish(world, lost + i)
    await until('what comes after it is through', () => world.heard.includes(lost + 90), undefined, waitMs)
    world.heard = world.heard.filter(n => n >= lost)
    assert.equal(
      world.heard,
      Array.from({ length: 10 }, (_, i) => lost + i * 10),
    )
    world.heard = Array.from({ length: world.sent / 10 }, (_, i) => i * 10)
  },
)

Zones('go with the Dataflow', async world => {
  const { stage, other } = world
  await apply(world, { zone: 'edge', url: other.url })
  await stated(world, `edge ${other.url} Used`)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await send(world)
  await stage.remove('zoned')
  assert.equal(await kept(world), [])
  const session = await wireTransport(other.url).connect({
    clientId: sessionId('zoned', 'filter', 0),
    clean: false,
    onMessage() {},
    onClose() {},
  })
  await session.close()
  assert.is(session.sessionPresent, false)
})

Zones.run()
