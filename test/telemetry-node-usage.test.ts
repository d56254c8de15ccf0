import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { KubernetesClient } from '../controller/kubernetes/client.ts'
import { nodeStates } from '../controller/orchestrator/kubernetes/cluster-nodes.ts'
import { NodeUsage } from '../controller/orchestrator/kubernetes/node-usage.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { readTelemetry, writeTelemetry } from '../controller/telemetry/file.ts'
import { load } from '../schema/index.ts'
import { code, flow } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
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
  const usage = await new NodeUsage(world.client).read()
  assert.equal(world.asked, ['/apis/metrics.k8s.io/v1beta1/nodes'])
  const used = { cpuMillis: 156, memoryBytes: 3_480_636 * 1024, at: '2026-01-01T00:00:00.000Z' }
  assert.equal([...usage], [['rack', used]])
  const bare = { apiVersion: 'v1', kind: 'Node' }
  const [rack, other] = nodeStates(
    ['rack', 'other'].map(name => ({ ...bare, metadata: { name } })),
    {},
    usage,
  )
  assert.equal(rack!.used, used)
  assert.not('used' in other!, 'nothing is made up')
})

Usage('is asked for again after a while, and rarely where nobody tells it', async world => {
  const usage = new NodeUsage(world.client)
  const askedAt = async (ms: number) => {
    const before = world.asked.length
    const { size } = await usage.read(ms)
    return [world.asked.length - before, size]
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
    const other = new NodeUsage(world.client)
    await other.read(0)
    const before = world.asked.length
    assert.is((await other.read(60_000)).size, 0)
    assert.is(world.asked.length, before, `${status} is not asked again after a minute`)
    await other.read(301_000)
    assert.ok(world.asked.length > before)
  }
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
