import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { brokerName } from '../../controller/cluster/managed-broker/manifests.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { carriedBy } from './support/carried-by.ts'
import { diskOn, disksOf } from './support/disks.ts'
import { mosquittoArchive, mosquittoImage } from './support/mosquitto-image.ts'
import { Stage } from './support/stage.ts'

interface Counted {
  k: number
  n: number
  /** How many of its key came before, by the function's state. */
  count: number
  /** Node of the cluster. */
  at: string
}

interface World {
  folder: string
  cluster: Cluster
  stage: Stage
  /** At the dataflow's own broker, as its controller. */
  outside: MqttClient
  counted: Counted[]
  sent: number
  stopLoad(): Promise<void>
}

const Zones = suite<World>('managed brokers of two zones, on nodes')

const zones = ['edge-1', 'edge-2', 'cloud']
const keys = 4
const waitMs = 180_000

const where =
  '(globalThis as unknown as { process: { env: Record<string, string> } }).process.env.DYNINKA_NODE!'
const code = `import type { Context } from 'dyninka'
export interface Counted { k: number; n: number; count: number; at: string }
export default function count({ k, n }: { k: number; n: number }, ctx: Context<{ state: number }>): Counted {
  ctx.state = (ctx.state ?? 0) + 1
  return { k, n, count: ctx.state, at: ${where} }
}
`
const pass = 'export default (record: { k: number; n: number }): { k: number; n: number } => record\n'
/** `first` hands over by the broker of its zone, `count` is moved. */
const flow = (zone: string) => `apiVersion: dyninka.dev/v1
name: zoned
sources:
  in: { mqtt: zoned/in, placement: { zone: edge-1 } }
functions:
  first: { code: pass.ts, from: in, placement: { zone: edge-1 } }
  count: { code: count.ts, from: first, key: k, placement: { zone: ${zone} } }
sinks:
  out: { from: count, mqtt: zoned/out, placement: { zone: cloud } }
`
const managedIn = (zone: string) => ({ storageClassName: disksOf(zone) })
const brokersOf = (...edges: string[]) => ({
  managed: managedIn('cloud'),
  zones: edges.map(zone => ({ zone, managed: managedIn(zone) })),
})

Zones.before(async world => {
  world.folder = await mkdtemp(join(tmpdir(), 'dyninka-zones-'))
  world.cluster = await startCluster({ nodes: 3, zones })
  const { cluster, folder } = world
  const mosquitto = await mosquittoArchive(folder)
  for (const node of cluster.nodes) {
    await node.importImages(mosquitto)
    await diskOn(cluster, node, join(folder, node.name))
  }
  world.stage = await Stage.over(cluster, { url: '', close: async () => {} })
  const { stage } = world
  await stage.repository.publish({
    'dataflow.yaml': flow('edge-1'),
    'count.ts': code,
    'pass.ts': pass,
  })
  await stage.replica({
    pods: { image: runtimeImage, tolerationSeconds: 3 },
    managedBroker: { image: mosquittoImage, addresses: 'ips' },
  })
  await stage.apply('zoned', { broker: brokersOf('edge-1', 'edge-2') })
  Object.assign(world, { counted: [], sent: 0 })
})
Zones.after(async ({ stage, outside, stopLoad, cluster, folder }) => {
  await stopLoad?.()
  await outside?.endAsync(true)
  await (stage ? stage.close() : cluster?.stop())
  await rm(folder, { recursive: true, force: true })
})

/** Sends, and hears what comes of it, once all runs. */
async function begin(world: World) {
  const { stage } = world
  await stage.until('zoned', 'Ready', 'True', waitMs).catch(async (error: Error) => {
    throw new Error(`${error.message}\n${await statusOf(world)()}`)
  })
  world.outside = await connectAsync(await adminUrl(world), { protocolVersion: 4, reconnectPeriod: 500 })
  world.outside.on('message', (_, payload) => world.counted.push(JSON.parse(payload.toString()) as Counted))
  await world.outside.subscribeAsync('zoned/out', { qos: 1 })
  world.stopLoad = load(world)
}

/** Of a managed broker, with the account of the controller. */
async function adminUrl({ cluster }: World, zone?: string): Promise<string> {
  const name = brokerName('zoned', zone)
  const password = await cluster.kubectl('get', 'secret', name, '-o', 'jsonpath={.data.password}')
  const address = await cluster.kubectl('get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}')
  return `mqtt://dyninka-controller:${Buffer.from(password, 'base64').toString()}@${address}:1883`
}

/** 20 records a second. @returns how to stop it */
function load(world: World): () => Promise<void> {
  let stopped = false
  const sending = (async () => {
    for (; !stopped; await sleep(50)) {
      const n = world.sent
      await world.outside.publishAsync('zoned/in', JSON.stringify({ k: n % keys, n }), { qos: 1 })
      world.sent += 1
    }
  })()
  return async () => {
    stopped = true
    await sending
  }
}

async function until(what: string, holds: () => Promise<boolean> | boolean, detail = async () => '') {
  for (const end = Date.now() + waitMs; !(await holds()); await sleep(100))
    if (Date.now() > end) throw new Error(`waited for ${what}: ${await detail()}`)
}

const statusOf =
  ({ stage, cluster }: World) =>
  async () =>
    `${JSON.stringify((await stage.get('zoned'))?.status, null, 1)}\n${await cluster.kubectl('get', 'pods', '-o', 'wide')}`

/** Waits until records flow that were sent from now on. */
async function flowOn(world: World, records = 60) {
  const target = world.sent + records
  await until('records to flow', () => world.counted.some(({ n }) => n >= target), statusOf(world))
}

Zones('run in their zones, each with a volume there', async world => {
  const { cluster } = world
  await begin(world)
  for (const [zone, node] of [
    ['edge-1', 'node-1'],
    ['edge-2', 'node-2'],
    [undefined, 'node-3'],
  ] as const) {
    const pod = `pod/${brokerName('zoned', zone)}-0`
    assert.is(await cluster.kubectl('get', pod, '-o', 'jsonpath={.spec.nodeName}'), node)
  }
  assert.equal(
    (await world.stage.get('zoned'))!.status!.zoneBrokers!.map(({ zone, state }) => `${zone} ${state}`),
    ['edge-1 Used', 'edge-2 Used'],
  )
})

Zones('carry what is sent from there', async world => {
  await flowOn(world)
  assert.equal(await carriedBy(await adminUrl(world, 'edge-1'), 'zoned', () => flowOn(world)), [
    'count',
    'first',
    'in',
  ])
  assert.equal(await carriedBy(await adminUrl(world), 'zoned', () => flowOn(world)), [])
})

Zones('give each function an account that may do what it has to, and no more', async world => {
  const { cluster } = world
  const secret = await cluster.kubectl('get', 'secret', 'dyninka-zoned-broker-accounts', '-o', 'json')
  const { data } = JSON.parse(secret) as { data: Record<string, string> }
  const told = JSON.parse(Buffer.from(data['zoned.count.zones']!, 'base64').toString())
  assert.equal(Object.keys(told).toSorted(), ['edge-1', 'edge-2'])
  const client = await connectAsync(told['edge-1'])
  const granted = async (topic: string) => (await client.subscribeAsync(topic, { qos: 1 }))[0]!.qos < 128
  const may = (topic: string) => granted(topic).catch(() => false)
  assert.is(await may('dyninka/zoned/data/first/default/k-1@edge-1/+'), true)
  assert.is(await may('dyninka/zoned/data/in/default/all@edge-1/+'), false)
  assert.is(await may('dyninka/#'), false)
  await client.endAsync(true)
})

Zones('are where the model of placement has them', async ({ stage }) => {
  const [replica] = stage.replicas
  let header: { zoneBrokers?: string[]; brokerZone?: string } = {}
  await until(
    'it is known',
    async () => {
      const text = await (await fetch(`${replica!.url}/api/telemetry?flow=zoned`)).text()
      header = JSON.parse(text.split('\n')[0]!)
      return header.brokerZone !== undefined
    },
    async () => JSON.stringify(header),
  )
  assert.is(header.brokerZone, 'cloud')
  assert.equal(header.zoneBrokers, ['edge-1', 'edge-2'])
})

Zones('hand over when a function moves to another zone', async world => {
  const { stage } = world
  const commit = await stage.repository.publish({ 'dataflow.yaml': flow('edge-2') })
  await stage.ready('zoned', commit, waitMs)
  await flowOn(world)
  assert.is(world.counted.at(-1)!.at, 'node-2')
  assert.equal(await carriedBy(await adminUrl(world, 'edge-2'), 'zoned', () => flowOn(world)), ['count'])
})

Zones('lose nothing when their pod is deleted, and it is said', async world => {
  const { cluster, stage } = world
  for (const zone of ['edge-1', 'edge-2']) {
    const name = brokerName('zoned', zone)
    await cluster.kubectl('delete', 'pod', `${name}-0`, '--wait=true')
    await cluster.kubectl('wait', `pod/${name}-0`, '--for=create', '--timeout=120s')
    await cluster.kubectl('wait', `pod/${name}-0`, '--for=condition=Ready', '--timeout=120s')
    await flowOn(world)
  }
  await stage.until('zoned', 'Ready', 'True', waitMs)
})

Zones('say so when their node is lost, and go on when it is back', async world => {
  const { cluster, stage } = world
  const second = cluster.nodes[1]!
  await second.stopKubelet()
  await second.unplug()
  await stage.until('zoned', 'ZoneBrokerAway', 'True BrokerNodeLost', waitMs)
  assert.match(
    await stage.message('zoned', 'ZoneBrokerAway'),
    /^zone edge-2: .* is on node-2, which does not answer/,
  )
  const events = (await stage.events('zoned')).map(({ reason, note }) => `${reason} ${note}`)
  assert.ok(events.some(event => event.startsWith('ZoneBrokerAway the broker of zone edge-2')))
  await second.plug()
  await second.startKubelet()
  await until(
    'it answers again',
    async () => (await stage.conditions('zoned')).ZoneBrokerAway === undefined,
    statusOf(world),
  )
  await flowOn(world)
})

Zones('are left and removed when they are declared no more', async world => {
  const { cluster, stage } = world
  await stage.apply('zoned', { broker: brokersOf('edge-1') })
  const name = brokerName('zoned', 'edge-2')
  await until(
    'the broker of edge-2 is gone',
    async () =>
      (await cluster.kubectl('get', `statefulset/${name}`, `pvc/data-${name}-0`, '--ignore-not-found')) ===
      '',
    statusOf(world),
  )
  await stage.until('zoned', 'Ready', 'True', waitMs)
  await flowOn(world)
  await world.stopLoad()
  const { sent } = world
  const numbers = () => new Set(world.counted.map(({ n }) => n)).size
  await until(
    'all records',
    () => numbers() >= sent,
    async () => `${world.counted.length} of ${sent}`,
  )
  // Where its pod is replaced, a sink may send again what it was sending: the same, with the same count.
  const told = [...new Map(world.counted.map(record => [record.n, record])).values()]
  assert.is(new Set(world.counted.map(({ n, count }) => `${n} ${count}`)).size, sent, 'each took effect once')
  for (let k = 0; k < keys; k++) {
    const own = told.filter(record => record.k === k)
    assert.equal(
      own.map(({ n, count }) => [n, count]),
      own.map((_, i) => [k + i * keys, i + 1]),
      'nothing lost, in order, and the state has it so',
    )
  }
})

Zones('go with the Dataflow', async ({ cluster, stage }) => {
  await stage.remove('zoned')
  const kinds = 'deployments,statefulsets,services,networkpolicies,pvc,secrets'
  const left = () => cluster.kubectl('get', kinds, '-o', 'name')
  await until('all is gone', async () => !(await left()).includes('zoned'), left)
})

Zones.run()
