import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { snapshotText } from '../cli/telemetry/text.ts'
import { KubernetesClient } from '../controller/kubernetes/client.ts'
import { nodeStates } from '../controller/orchestrator/kubernetes/cluster-nodes.ts'
import { NodeUsage } from '../controller/orchestrator/kubernetes/node-usage.ts'
import type { NodeState, NodeUse } from '../controller/orchestrator/orchestrator.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { readTelemetry, writeTelemetry } from '../controller/telemetry/file.ts'
import { FlowTelemetry } from '../controller/telemetry/flow-telemetry.ts'
import { momentsOf } from '../controller/telemetry/moments.ts'
import { snapshotOf } from '../controller/telemetry/snapshot.ts'
import { mergeWindows } from '../controller/telemetry/window.ts'
import { load } from '../schema/index.ts'
import { code, flow } from './support/climate-flow.ts'
import { at, busy, edge, fileOf, windowOf } from './support/climate-telemetry.ts'
import { until } from './support/controlled.ts'
import { makeFolder } from './support/dataflow-folder.ts'

interface World {
  server: Server
  folder: string
  client: KubernetesClient
  asked: string[]
  answer: { status: number; body: unknown }
}

const Usage = suite<World>('what nodes take')

/** As metrics-server 0.7 answers. */
const metrics = (nodes: Record<string, { cpu?: string; memory?: string }>) => ({
  kind: 'NodeMetricsList',
  apiVersion: 'metrics.k8s.io/v1beta1',
  metadata: {},
  items: Object.entries(nodes).map(([name, usage]) => ({
    metadata: { name, creationTimestamp: '2026-01-01T00:00:10Z', labels: {} },
    timestamp: '2026-01-01T00:00:00Z',
    window: '20.042s',
    usage,
  })),
})

Usage.before.each(async world => {
  world.asked = []
  world.server = createServer(({ url }, response) => {
    world.asked.push(url!)
    const { status, body } = world.answer
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  await once(world.server, 'listening')
  const { port } = world.server.address() as AddressInfo
  world.folder = await mkdtemp(join(tmpdir(), 'dyninka-kube-'))
  const kubeconfig = join(world.folder, 'config')
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        { name: 'c', cluster: { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true } },
      ],
      users: [{ name: 'u', user: {} }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
  )
  world.client = await KubernetesClient.open({ kubeconfig })
})
Usage.after.each(async ({ server, client, folder }) => {
  client.close()
  server.close()
  await rm(folder, { recursive: true })
})

Usage('is what metrics.k8s.io says, in thousandths of a core and bytes', async world => {
  world.answer = {
    status: 200,
    body: metrics({ rack: { cpu: '156340189n', memory: '3480636Ki' }, odd: { cpu: '-5', memory: '1e400' } }),
  }
  const uses = await NodeUsage.of(world.client).read()
  assert.equal(world.asked, ['/apis/metrics.k8s.io/v1beta1/nodes'])
  const used = {
    cpuMillis: 156,
    memoryBytes: 3_480_636 * 1024,
    at: '2026-01-01T00:00:00.000Z',
    windowMs: 20_042,
  }
  assert.equal([...uses.byNode], [['rack', used]])
  const bare = { apiVersion: 'v1', kind: 'Node' }
  const [rack, other] = nodeStates(
    ['rack', 'other'].map(name => ({ ...bare, metadata: { name } })),
    {},
    uses,
  )
  assert.equal(rack!.used, used)
  assert.not('unmeasured' in rack!)
  assert.not('used' in other!, 'nothing is made up')
  assert.is(other!.unmeasured, 'metrics.k8s.io tells nothing of other')
})

Usage('is asked for again after a while, and rarely where nobody tells it', async world => {
  const usage = NodeUsage.of(world.client)
  assert.is(NodeUsage.of(world.client), usage, 'for all dataflows')
  const askedAt = async (ms: number) => {
    const before = world.asked.length
    const { byNode } = await usage.read(ms)
    await sleep(100) // only the first answer is waited for
    return [world.asked.length - before, byNode.size]
  }
  world.answer = { status: 200, body: metrics({ rack: { cpu: '1', memory: '1Gi' } }) }
  assert.equal(
    [await askedAt(0), await askedAt(10_000), await askedAt(16_000)],
    [
      [1, 1],
      [0, 1],
      [1, 1],
    ],
  )
  for (const status of [404, 403]) {
    world.answer = { status, body: { kind: 'Status', code: status } }
    const other = NodeUsage.of({ raw: exchange => world.client.raw(exchange) })
    assert.is.not(other, usage)
    await other.read(0)
    const before = world.asked.length
    const { byNode, problem } = await other.read(60_000)
    assert.is(byNode.size, 0)
    assert.match(problem ?? '', status === 404 ? 'serves no metrics.k8s.io' : 'cannot list nodes of metrics')
    assert.is(world.asked.length, before, `${status} is not asked again after a minute`)
    await other.read(301_000)
    await until('it is asked again', () => world.asked.length > before)
  }
})

Usage('stays known when nobody tells it any more, with why', async world => {
  const usage = NodeUsage.of(world.client)
  world.answer = { status: 200, body: metrics({ rack: { cpu: '1', memory: '1Gi' } }) }
  const { byNode: first } = await usage.read(0)
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'rack' } }
  const later = async (ms: number, isAsExpected: (state: NodeState) => boolean) => {
    await usage.read(ms)
    let state: NodeState | undefined
    const look = async () => {
      state = nodeStates([node], {}, await usage.read(ms))[0]!
      return isAsExpected(state)
    }
    await until('what is known then', look, () => JSON.stringify(state))
    return state!
  }
  world.answer = { status: 503, body: { kind: 'Status', code: 503, message: 'nobody is there' } }
  const { used, unmeasured } = await later(20_000, ({ unmeasured }) => unmeasured !== undefined)
  assert.is(unmeasured, 'cannot list nodes of metrics.k8s.io: nobody is there')
  assert.equal(used, first.get('rack'))
  world.answer = { status: 200, body: metrics({ rack: { cpu: '2', memory: '1Gi' } }) }
  assert.is((await later(40_000, state => state.unmeasured === undefined)).used!.cpuMillis, 2_000)
})

Usage('is in the window in which it was told, once, with what others take of it', async () => {
  const telemetry = new FlowTelemetry()
  const view = { takeFigures: () => ({ messages: [], lost: 0 }) }
  const use = (cpuMillis: number, at: string) =>
    new Map([['edge-1', { cpuMillis, memoryBytes: 6e8, at, windowMs: 15_000 }]])
  const look = (ms: number, uses: ReadonlyMap<string, NodeUse>) => telemetry.look(view, [], [], ms, uses)
  look(0, use(9_999, '2026-01-01T00:00:00.000Z')) // of before anybody looked
  look(2_000, use(100, '2026-01-01T00:00:02.000Z'))
  look(4_000, use(100, '2026-01-01T00:00:02.000Z'))
  const { nodes } = look(10_000, use(200, '2026-01-01T00:00:10.000Z'))!
  assert.equal([nodes!['edge-1']!.cpuMillis.count, nodes!['edge-1']!.cpuMillis.mean], [2, 150])
  assert.not('nodes' in look(20_000, use(200, '2026-01-01T00:00:10.000Z'))!)

  // A quarter of an hour, all of it in one file; of it, ten minutes count.
  const windows = Array.from({ length: 90 }, (_, n) => {
    const used = n < 30 ? 1_500 : 520
    const taken = { cpuMillis: momentsOf(used), memoryBytes: momentsOf(5.8e8) }
    return windowOf(n, 1e6, { nodes: { 'edge-1': taken } })
  })
  const file = readTelemetry(writeTelemetry(fileOf(windows), true), 'a file')
  const [pi, server] = snapshotOf(file).nodes
  const { all, others } = pi!.usage!
  assert.is(all.cpuMillis.value, 520)
  assert.equal([all.cpuMillis.source, all.cpuMillis.samples, all.cpuMillis.isStale], ['measured', 60, false])
  assert.equal(all.cpuMillis.window, { start: at(300), end: at(900) })
  assert.is(others.cpuMillis.value, 500, 'the source takes 20')
  assert.is(others.memoryBytes.value, 5e8)
  assert.not('usage' in server!)
  assert.match(snapshotText(snapshotOf(file)), /edge-1 +520m +580 MB +500m +500 MB/)
  const late = { ...file, header: { ...file.header, at: new Date(at(900 + 121)).toISOString() } }
  const [then] = snapshotOf(late).nodes
  assert.ok(then!.usage!.all.cpuMillis.isStale)
  assert.is(then!.usage!.others.cpuMillis.value, 500, 'and is what is known')
})

Usage('adds up in longer windows', () => {
  const of = (cpu: number, memory: number) => ({ cpuMillis: momentsOf(cpu), memoryBytes: momentsOf(memory) })
  const merged = [
    windowOf(0, 1e6, { nodes: { a: of(100, 1), b: of(1, 1) } }),
    windowOf(1),
    windowOf(2, 1e6, { nodes: { a: of(300, 3) } }),
  ].reduce(mergeWindows)
  assert.equal([merged.nodes!.a!.cpuMillis.count, merged.nodes!.a!.cpuMillis.mean], [2, 200])
  assert.is(merged.nodes!.a!.memoryBytes.m2, 2)
  assert.is(merged.nodes!.b!.cpuMillis.count, 1)
})

Usage('of other programs is not there for a dataflow', async () => {
  const folder = await makeFolder({ 'dataflow.yaml': flow('cloud'), 'functions/filter.ts': code })
  const { flow: climate } = await load(folder.dir, { types: false }).finally(folder.remove)
  const whole = fileOf(busy, { broker: edge })
  const [pi, server] = whole.header.nodes
  // The source takes 20 millicores and 80 MB of it.
  const used = { cpuMillis: 520, memoryBytes: 580_000_000, at: whole.header.at }
  const file = { ...whole, header: { ...whole.header, nodes: [{ ...pi!, used }, server!] } }
  const again = readTelemetry(writeTelemetry(file, false), 'a file')
  const [left, all] = situationOf(again, climate!).mean.nodes
  assert.equal([left!.cpuMillis, left!.memoryBytes], [2_000 - 500, 2 ** 31 - 500_000_000])
  assert.equal([all!.cpuMillis, all!.memoryBytes], [2_000, 2 ** 31])
})

Usage.run()
