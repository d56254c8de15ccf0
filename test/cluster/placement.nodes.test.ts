import { cp } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { connectAsync } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { DemoForge } from '../../cli/demo/forge/forge.ts'
import type { Pull } from '../../cli/demo/forge/pull-requests.ts'
import { Traffic } from '../../cli/demo/placement/traffic.ts'
import { decided, links, placeBadly } from '../../cli/demo/placement/world.ts'
import { markerIn } from '../../controller/forge/marker.ts'
import { Link } from '../../controller/link/link.ts'
import { readTelemetry } from '../../controller/telemetry/file.ts'
import { type Snapshot, snapshotOf } from '../../controller/telemetry/snapshot.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { Stage } from './support/stage.ts'

interface World {
  cluster: Cluster
  stage: Stage
  forge: DemoForge
  far: Link[]
  /** By zone: where its link to the broker is entered. */
  ports: Record<string, number>
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
  world.ports = {}
  for (const node of cluster.nodes) {
    const link = links.find(each => each.zones.includes(node.zone) && each.zones.includes('edge-1'))
    if (node.zone === 'edge-1' || !link) continue
    const far = new Link(link)
    world.far.push(far)
    const port = await far.open(node.zone, { host: cluster.address, port: 1883 }, 0, cluster.address)
    world.ports[node.zone] = port
    await node.divert(`${cluster.address}:1883`, `${cluster.address}:${port}`)
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

async function snapshot({ stage }: World): Promise<Snapshot> {
  const [replica] = stage.replicas
  const answer = await fetch(`${replica!.url}/api/telemetry?flow=etl&sinceMs=600000`)
  return snapshotOf(readTelemetry(Buffer.from(await answer.arrayBuffer()), 'telemetry'))
}

/** As the file says before anybody suggests anything. */
const before = Object.fromEntries(Object.entries(decided).map(([name, { zone }]) => [name, zone]))

Placement('begins with functions far from their sources', async world => {
  assert.equal(await zonesOf(world), before)
})

Placement('has as much bandwidth between zones as is declared', async ({ cluster, ports }) => {
  for (const [zone, port] of Object.entries(ports)) {
    const client = await connectAsync(`mqtt://${cluster.address}:${port}`, { protocolVersion: 4 })
    const start = performance.now()
    await client.publishAsync('probe', Buffer.alloc(400_000), { qos: 1 })
    const seconds = (performance.now() - start) / 1_000
    await client.endAsync(true)
    const { bytesPerSecond } = links.find(each => each.zones.includes(zone) && each.zones.includes('edge-1'))!
    assert.ok(seconds > 0.9 * (400_000 / bytesPerSecond!), `${zone}: ${seconds} s`)
  }
})

Placement('builds up telemetry, of the ways between zones too', async world => {
  const opened = new Promise<Pull>(done => world.forge.once('opened', done))
  const pull = until('a pull request', opened, statusOf(world))
  pull.catch(() => {}) // told below
  let known: Snapshot | undefined
  for (const end = Date.now() + waitMs; Date.now() < end; await sleep(500)) {
    known = await snapshot(world)
    const figures = known.edges.map(({ recordsPerSecond }) => recordsPerSecond)
    if (known.roundTrips.length >= 3 && figures.every(figure => (figure?.windows ?? 0) >= 2)) break
  }
  for (const { from, to, recordsPerSecond, bytesPerSecond, latencyMs } of known!.edges) {
    for (const figure of [recordsPerSecond, bytesPerSecond])
      assert.is(figure?.source, 'measured', `${from} → ${to}`)
    // On a machine that is so busy that its own clocks seem to disagree, it is inferred.
    assert.ok(latencyMs, `${from} → ${to}`)
  }
  const rttTo = (zone: string) => known!.roundTrips.find(trip => trip.zone === zone)!.rttMs
  assert.is(rttTo('cloud').source, 'measured')
  const [near, middle, far] = zones.map(zone => rttTo(zone).value) as [number, number, number]
  console.log(`round trips to the broker: ${zones.map(zone => `${zone} ${rttTo(zone).value.toFixed(1)} ms`)}`)
  assert.ok(near < middle && middle >= 20 && far >= 40, `${near}, ${middle}, ${far}`)
  world.pull = await pull
})

Placement('ends with a pull request that can be judged', async world => {
  const { forge, pull } = world
  const { moves } = markerIn(pull.body)!
  assert.is(zoneOf(world, moves.find(({ item }) => item === 'parse')?.to), 'edge-1', pull.title)
  for (const part of [
    /\*\*Saves [\d.]+ an hour\*\* \(between [\d.]+ and [\d.]+ with 90 % confidence/,
    /this answer costs [\d.]+ an hour, and none costs less than [\d.]+: a gap of [\d.]+ %/,
    /### What it costs an hour\n\n\|/,
    /### Before\n\n```mermaid\n[\s\S]+### After\n\n```mermaid\n/,
    /### Edges that change\n\n\|[^\n]+\n\|[^\n]+\n\| `/,
    /### To undo it/,
    /`dyninka suggest --telemetry etl\.telemetry\.jsonl --broker-zone /,
  ])
    assert.match(pull.body, part)
  const changed = (await forge.diffOf(pull)).split('\n').filter(line => /^[+-](?![+-])/.test(line))
  assert.is(changed.length, 2 * moves.length, changed.join('\n'))
  for (const line of changed) assert.match(line, /^[+-] {4}placement: \{ zone: [\w-]+ \}$/)
})

Placement('moves pods where it says once it is merged, and loses nothing', async world => {
  const { forge, pull, stage, traffic } = world
  const commented = forge.nextComment(pull)
  const merged = new Promise<string>(done => forge.once('merged', (_, commit) => done(commit)))
  const waited = traffic.arrivals.latencyMs(10_000)!
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
  const others = Object.keys(decided).filter(name => !moves.some(({ item }) => item === name))
  for (const name of others) assert.is(now[name], before[name], 'nothing else moves')
  const comment = await until('what came of it', commented, statusOf(world))
  const [, predicted, realised] =
    /^Predicted: ([\d.]+) saved an hour\. Since the merge: \*\*([\d.]+)\*\* \(between/.exec(comment) ?? []
  assert.ok(Number(realised) > 0.5 * Number(predicted), comment)
  // What waited while pods started is worked off first.
  const latency = () => traffic.arrivals.latencyMs(10_000) ?? Number.POSITIVE_INFINITY
  for (const end = Date.now() + waitMs; latency() > 0.7 * waited && Date.now() < end; ) await sleep(500)
  assert.ok(latency() < 0.7 * waited, `${waited} ms before, ${latency()} ms after`)
  await traffic.end(false)
  assert.is(traffic.arrivals.count, traffic.sent)
})

Placement.run()
