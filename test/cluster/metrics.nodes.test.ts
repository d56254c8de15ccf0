import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { manifests } from '../../cli/install/manifests.ts'
import { snapshotText } from '../../cli/telemetry/text.ts'
import { readTelemetry, type TelemetryFile } from '../../controller/telemetry/file.ts'
import type { NodeFigures } from '../../controller/telemetry/node-figures.ts'
import { type Snapshot, snapshotOf } from '../../controller/telemetry/snapshot.ts'
import { until } from '../support/controlled.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { Stage } from './support/stage.ts'

interface World {
  cluster: Cluster
  stage: Stage
  file: TelemetryFile
  snapshot: Snapshot
}

/** Nodes of a test cluster are one machine, of which each kubelet tells the whole. */
const Metrics = suite<World>('what nodes and pods take, by metrics-server')

const waitMs = 180_000
const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: load
sources:
  tick: { every: 100ms, placement: { zone: edge } }
functions:
  work: { code: work.ts, from: tick, placement: { zone: cloud } }
sinks:
  out: { from: work, log: {}, placement: { zone: edge } }
`,
  // A fifth of a core.
  'work.ts': `export default function work(): number {
  const end = Date.now() + 20
  let n = 0
  while (Date.now() < end) n += 1
  return n
}
`,
}

Metrics.before(async world => {
  world.cluster = await startCluster({ nodes: 2, zones: ['edge', 'cloud'], metrics: true })
  const { broker } = world.cluster
  world.stage = await Stage.over(world.cluster, { url: broker.url, close: async () => {} })
  const commit = await world.stage.repository.publish(files)
  // With the permissions that an installation gives it, and no more.
  const given = { image: 'controller', functionImage: runtimeImage, leaveTimeout: '1m', pinAfter: '5m' }
  const own = { namespace: 'dyninka', name: 'dyninka', version: '0.0.0', replicas: 0 }
  await world.cluster.apply(...(await manifests({ ...given, ...own })))
  const kubeconfig = await world.cluster.kubeconfigOf('system:serviceaccount:dyninka:dyninka', [
    'system:serviceaccounts',
    'system:serviceaccounts:dyninka',
  ])
  await world.stage.replica({ kubeconfig, ownNamespace: 'dyninka', pods: { image: runtimeImage } })
  await world.stage.apply('load')
  await world.stage.ready('load', commit, waitMs)
})
Metrics.after(async ({ stage, cluster }) => {
  await (stage ? stage.close() : cluster?.stop())
})

/** What the controller can be asked for of the last ten minutes. */
async function look(world: World): Promise<void> {
  const [replica] = world.stage.replicas
  const answer = await fetch(`${replica!.url}/api/telemetry?flow=load&sinceMs=600000`)
  world.file = readTelemetry(Buffer.from(await answer.arrayBuffer()), 'telemetry')
  world.snapshot = snapshotOf(world.file)
}

const come = (world: World, what: string, holds: (nodes: NodeFigures[]) => boolean) =>
  until(
    what,
    async () => {
      await look(world)
      return holds(world.snapshot.nodes)
    },
    () => JSON.stringify(world.snapshot?.nodes, null, 1),
    waitMs,
  )

interface Sample {
  metadata: { name: string; labels?: Record<string, string> }
  timestamp: string
  usage?: { cpu: string; memory: string }
  containers?: { usage: { cpu: string; memory: string } }[]
}

const samplesOf = async ({ cluster }: World, path: string) =>
  (
    JSON.parse(await cluster.kubectl('get', '--raw', `/apis/metrics.k8s.io/v1beta1/${path}`)) as {
      items: Sample[]
    }
  ).items
/** As they come: billionths of a core, and KiB. */
const millisOf = (cpu: string) => Number(cpu.replace(/n$/, '')) / 1e6
const bytesOf = (memory: string) => Number(memory.replace(/Ki$/, '')) * 1024
const isToldWell = ({ usage, unmeasured }: NodeFigures) =>
  (usage?.all.cpuMillis.windows ?? 0) >= 2 && unmeasured === undefined

Metrics('are in telemetry: measured, when, and how often', async world => {
  await come(world, 'samples of all nodes', nodes => nodes.every(isToldWell))
  for (const { name, usage, capacity } of world.snapshot.nodes) {
    for (const figure of [usage!.all.cpuMillis, usage!.all.memoryBytes]) {
      assert.is(figure.source, 'measured')
      assert.is(figure.samples, figure.windows)
      assert.is(figure.isStale, false)
      assert.type(figure.variance, 'number')
      const { start, end } = figure.window
      assert.ok(end - start >= 10_000 && Date.now() - end < 60_000, `${name}: from ${start} to ${end}`)
    }
    assert.ok(usage!.all.memoryBytes.value > 1e8 && usage!.all.memoryBytes.value < capacity!.memoryBytes!)
    assert.ok(usage!.all.cpuMillis.value > 100 && usage!.all.cpuMillis.value < 1.1 * capacity!.cpuMillis!)
  }
})

Metrics('are what the kubelets say', async world => {
  await until(
    'the same sample on both ways',
    async () => {
      const samples = await samplesOf(world, 'nodes')
      await look(world)
      const { nodes } = world.file.header
      return nodes.every(({ name, used }) => {
        const sample = samples.find(({ metadata }) => metadata.name === name)
        if (!sample || Date.parse(sample.timestamp) !== Date.parse(used!.at)) return false
        assert.is(used!.cpuMillis, Math.round(millisOf(sample.usage!.cpu)))
        assert.is(used!.memoryBytes, bytesOf(sample.usage!.memory))
        assert.ok(used!.windowMs! > 5_000 && used!.windowMs! < 60_000, `${used!.windowMs}`)
        return true
      })
    },
    () => JSON.stringify(world.file.header.nodes),
    waitMs,
  )
})

Metrics('agree with what hosts say of themselves', async world => {
  const samples = await samplesOf(world, 'namespaces/default/pods')
  await look(world)
  const own = world.snapshot.functions.find(({ name }) => name === 'work')!
  const pod = samples.find(({ metadata }) => metadata.labels?.['dyninka.dev/function'] === 'work')
  const [{ usage }] = pod!.containers as [{ usage: { cpu: string; memory: string } }]
  const [cpu, memory] = [millisOf(usage.cpu), bytesOf(usage.memory)]
  console.log(
    `a host says ${own.cpuMillis!.value.toFixed(0)}m and ${(own.memoryBytes!.value / 1e6).toFixed(0)} MB,`,
    `its kubelet ${cpu.toFixed(0)}m and ${(memory / 1e6).toFixed(0)} MB`,
  )
  assert.ok(cpu > own.cpuMillis!.value / 2 && cpu < 2 * own.cpuMillis!.value)
  // Resident memory has pages of files that many use: the kubelet counts these once, or not at all.
  assert.ok(memory > own.memoryBytes!.value / 8 && memory < 1.5 * own.memoryBytes!.value)
  const { usage: taken } = world.snapshot.nodes.find(({ name }) => name === 'node-2')!
  assert.ok(taken!.others.cpuMillis.value < taken!.all.cpuMillis.value - 50, 'its own is not of others')
})

Metrics('stay known when metrics-server is gone, stale and with why', async world => {
  await look(world)
  const before = world.snapshot.nodes
  await world.cluster.metrics!.kill()
  // The first until the API server has noticed, and the second from then on.
  const why =
    /^cannot list nodes of metrics\.k8s\.io: (error trying to reach service: .+|service unavailable)$/
  await come(world, 'why', nodes => nodes.every(({ unmeasured }) => why.test(unmeasured ?? '')))
  for (const { name, usage } of world.snapshot.nodes) {
    assert.ok(usage!.all.cpuMillis.isStale && usage!.others.memoryBytes.isStale)
    const { usage: known } = before.find(node => node.name === name)!
    assert.ok(usage!.all.cpuMillis.samples >= known!.all.cpuMillis.samples)
  }
  assert.match(
    snapshotText(world.snapshot),
    /What other programs take of nodes is not measured now: cannot list nodes of metrics\.k8s\.io/,
  )
})

Metrics('are measured again when it is back', async world => {
  const before = world.snapshot.nodes
  const restartedAt = Date.now()
  await world.cluster.metrics!.restart()
  await come(world, 'new samples', nodes =>
    nodes.every(
      ({ usage, unmeasured }) =>
        unmeasured === undefined &&
        usage!.all.cpuMillis.window.end > restartedAt &&
        !usage!.all.cpuMillis.isStale,
    ),
  )
  for (const [i, { usage }] of world.snapshot.nodes.entries())
    assert.ok(usage!.all.cpuMillis.samples > before[i]!.usage!.all.cpuMillis.samples)
})

Metrics('of one node alone are stale when its kubelet is gone', async world => {
  await world.cluster.nodes[1]!.stopKubelet()
  await come(world, 'why', nodes => nodes.some(({ unmeasured }) => unmeasured !== undefined))
  const [first, second] = world.snapshot.nodes
  assert.is(second!.unmeasured, 'metrics.k8s.io tells nothing of node-2')
  assert.ok(second!.usage!.all.cpuMillis.isStale)
  assert.not(first!.usage!.all.cpuMillis.isStale)
  assert.match(snapshotText(world.snapshot), 'What other programs take of node-2 is not measured now')
})

Metrics.run()
