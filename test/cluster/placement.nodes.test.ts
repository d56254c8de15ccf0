import { cp } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DemoForge } from '../../cli/demo/forge/forge.ts'
import type { Pull } from '../../cli/demo/forge/pull-requests.ts'
import { Traffic } from '../../cli/demo/placement/traffic.ts'
import { links, placeBadly } from '../../cli/demo/placement/world.ts'
import { markerIn } from '../../controller/forge/marker.ts'
import { Link } from '../../controller/link/link.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { Stage } from './support/stage.ts'

interface World {
  cluster: Cluster
  stage: Stage
  forge: DemoForge
  far: Link[]
  traffic: Traffic
  pull: Pull
}

/** As on a laptop, but on nodes: the broker is beside the first of them, and far from the others. */
const Placement = suite<World>('the demonstration of placement on a cluster')

const zones = ['edge-1', 'edge-2', 'cloud']
const etl = fileURLToPath(new URL('../../flows/etl', import.meta.url))
const waitMs = 240_000

Placement.before(async world => {
  world.cluster = await startCluster({ nodes: 3, zones })
  const { cluster } = world
  world.stage = await Stage.over(cluster, { url: cluster.broker.url, close: async () => {} })
  const { stage } = world
  world.far = []
  for (const node of cluster.nodes) {
    const link = links.find(each => each.zones.includes(node.zone) && each.zones.includes('edge-1'))
    if (node.zone === 'edge-1' || !link) continue
    const far = new Link(link)
    world.far.push(far)
    const port = await far.open(node.zone, { host: cluster.address, port: 1883 }, 0, cluster.address)
    // What pods of this node say to the broker goes through the link.
    const there = ['-p', 'tcp', '-d', cluster.address, '--dport', '1883']
    const through = ['-j', 'DNAT', '--to-destination', `${cluster.address}:${port}`]
    await node.run('iptables', '-t', 'nat', '-I', 'PREROUTING', ...there, ...through)
  }
  const { work } = stage.repository
  await cp(etl, work, {
    recursive: true,
    filter: path => !/node_modules|\.dyninka/.test(path.slice(etl.length)),
  })
  await placeBadly(work)
  const commit = await stage.repository.publish({ '.gitignore': 'node_modules/\n' })
  world.forge = await DemoForge.start(stage.repository.bare, 'demo/etl')
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 'forge', namespace: 'default' },
    stringData: { token: world.forge.token },
  })
  await stage.replica({ pods: { image: runtimeImage } })
  await stage.apply('etl', {
    source: { url: world.forge.repositoryUrl },
    forge: {
      type: 'github',
      secretRef: { name: 'forge' },
      pullRequests: {
        every: '5s',
        settle: '20s',
        holding: 4,
        brokerZones: { [cluster.broker.url]: 'edge-1' },
      },
    },
  })
  await stage.ready('etl', commit, waitMs)
  world.traffic = await Traffic.start(cluster.broker.url, work, 'weather/observations')
})
Placement.after(async ({ cluster, stage, forge, far, traffic }) => {
  await traffic?.end(true).catch(() => {})
  for (const link of far ?? []) await link.close()
  await forge?.stop()
  await (stage ? stage.close() : cluster?.stop())
})

const zoneOf = ({ cluster }: World, node: string | undefined) =>
  cluster.nodes.find(({ name }) => name === node)?.zone

/** Zone of the pod of each function, source and sink. */
async function zonesOf({ cluster }: World): Promise<Record<string, string>> {
  const text = await cluster.kubectl('get', 'pods', '-o', 'json')
  const { items } = JSON.parse(text) as {
    items: {
      metadata: { name: string; deletionTimestamp?: string; labels: Record<string, string> }
      spec: { nodeName?: string }
    }[]
  }
  return Object.fromEntries(
    items.flatMap(({ metadata: { deletionTimestamp, labels }, spec: { nodeName } }) => {
      const name = labels['dyninka.dev/function']
      const zone = cluster.nodes.find(node => node.name === nodeName)?.zone
      return name !== undefined && zone !== undefined && deletionTimestamp === undefined ? [[name, zone]] : []
    }),
  )
}

async function until<T>(what: string, promise: Promise<T>, detail: () => Promise<string>): Promise<T> {
  const end = new AbortController()
  const late = sleep(waitMs, undefined, { signal: end.signal }).then(
    async () => {
      throw new Error(`waited for ${what}: ${await detail()}`)
    },
    () => new Promise<never>(() => {}),
  )
  try {
    return await Promise.race([promise, late])
  } finally {
    end.abort()
  }
}

const statusOf =
  ({ stage }: World) =>
  async () =>
    JSON.stringify((await stage.get('etl'))?.status, null, 1)

Placement('ends with a pull request, from telemetry of its pods', async world => {
  const opened = new Promise<Pull>(done => world.forge.once('opened', done))
  assert.is((await zonesOf(world)).parse, 'cloud')
  world.pull = await until('a pull request', opened, statusOf(world))
  const moves = markerIn(world.pull.body)!.moves
  assert.is(zoneOf(world, moves.find(({ item }) => item === 'parse')?.to), 'edge-1', world.pull.title)
})

Placement('moves pods where it says once it is merged, and loses nothing', async world => {
  const { forge, pull, stage, traffic } = world
  const commented = forge.nextComment(pull)
  const merged = new Promise<string>(done => forge.once('merged', (_, commit) => done(commit)))
  const before = traffic.arrivals.latencyMs(10_000)!
  await forge.merge(pull)
  await stage.ready('etl', await merged, waitMs)
  const moves = markerIn(pull.body)!.moves.map(({ item, to }) => ({ item, zone: zoneOf(world, to) }))
  let now: Record<string, string> = {}
  // Who was replaced finishes what it has in hand.
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(500)) {
    now = await zonesOf(world)
    if (moves.every(({ item, zone }) => now[item] === zone)) break
  }
  for (const { item, zone } of moves) assert.is(now[item], zone, JSON.stringify(now))
  const comment = await until('what came of it', commented, statusOf(world))
  assert.match(comment, /^Predicted: [\d.]+ saved an hour\. Since the merge: \*\*[\d.]+\*\*/, comment)
  // What waited while pods started is worked off first.
  const latency = () => traffic.arrivals.latencyMs(10_000) ?? Number.POSITIVE_INFINITY
  for (const end = Date.now() + waitMs; latency() > 0.7 * before && Date.now() < end; ) await sleep(500)
  assert.ok(latency() < 0.7 * before, `${before} ms before, ${latency()} ms after`)
  await traffic.end(false)
  assert.is(traffic.arrivals.count, traffic.sent)
})

Placement.run()
