import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Artifact, build, hostBundle } from '../../builder/index.ts'
import type { KubernetesOrchestrator } from '../../controller/orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { LogLine, Workload } from '../../controller/orchestrator/orchestrator.ts'
import { ClusterWorld, untilHosts } from '../support/cluster-world.ts'
import { fn, Rig, sink, source, until } from '../support/rig.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'

const functions = {
  first:
    "export default (value: unknown, ctx: { log: { info(text: string): void } }) => { ctx.log.info('seen'); return value }",
  second: 'export default (value: unknown) => value',
  unready:
    "export const setup = () => { throw new Error('no database') }\nexport default (value: unknown) => value",
}
const waitMs = 90_000

const Pods = suite('pods of real nodes')
let cluster: Cluster
let world: ClusterWorld
let orchestrator: KubernetesOrchestrator
let dir: string
let runtime: Artifact
let rig: Rig
const code: Record<string, Artifact> = {}

Pods.before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'dyninka-pods-'))
  await mkdir(join(dir, 'functions'))
  for (const [name, text] of Object.entries(functions))
    await writeFile(join(dir, `functions/${name}.ts`), text)
  const store = join(dir, 'store')
  runtime = await hostBundle(store)
  const named = Object.keys(functions).map(name => ({ name, code: `functions/${name}.ts` }))
  for (const result of await build({ root: dir, dir, functions: named, store })) {
    if ('findings' in result) throw new Error(JSON.stringify(result.findings))
    code[result.function] = result.artifact
  }
  cluster = await startCluster({ nodes: 2 })
  world = await ClusterWorld.make(cluster)
  const broker = { url: cluster.broker.url }
  orchestrator = await world.open(cluster, { image: runtimeImage, store, broker })
  rig = new Rig(
    cluster.broker.url,
    [
      source('in', { type: 'mqtt', filter: 'pods/in', format: 'json' }),
      fn('f', ['in']),
      sink('out', ['f'], { type: 'mqtt', topic: 'pods/out', retain: false }),
    ],
    {},
  )
  await rig.wire()
  for (const node of ['out', 'in']) await rig.ready(await rig.host(node))
})
Pods.after(async () => {
  await rig?.close()
  await world?.close()
  await cluster?.stop()
  await rm(dir, { recursive: true, force: true })
})

async function start(name: keyof typeof functions, generation: number, more: Partial<Workload> = {}) {
  const { digest, path } = code[name]!
  const workload: Workload = {
    flow: rig.flow.name,
    node: 'f',
    kind: 'function',
    artifact: digest,
    code: path,
    runtime: runtime.digest,
    host: runtime.path,
    env: {},
    secrets: [],
    replicas: 1,
    placement: {},
    resources: {},
    fingerprint: `sha256:${name}`,
    ...more,
  }
  await orchestrator.apply({ action: 'start', spec: { workload, generation, replica: 0, place: '' } })
}
const hosts = (holds: Parameters<typeof untilHosts>[1], what: string) =>
  untilHosts(orchestrator, holds, what, { flow: rig.flow.name, timeoutMs: waitMs })
const values = (heard: { payload: Buffer }[]) =>
  heard.map(({ payload }) => JSON.parse(payload.toString()).n as number)

Pods('takes over, is ready, and does its work where it was decided', async () => {
  const heard = await rig.listen('pods/out')
  await start('first', 1, { placement: { zone: 'zone-2' } })
  const [host] = await hosts(all => all.length === 1 && all[0]!.startedAt !== undefined, 'a pod that runs')
  assert.is(host!.place, 'node-2')
  await cluster.kubectl(
    'wait',
    '-n',
    world.namespace,
    '--for=condition=Ready',
    `pod/${host!.id}`,
    '--timeout=60s',
  )
  // Only now its session takes in what is sent: before, nobody is wired to it.
  for (let n = 1; n <= 20; n++) await rig.publish('pods/in', JSON.stringify({ n }))
  await until(() => heard.length === 20, '20 records', waitMs)
})

Pods('tells what its functions log', async () => {
  const stop = new AbortController()
  const lines: LogLine[] = []
  const heard = await rig.listen('pods/out')
  const following = (async () => {
    const options = { follow: true, lines: 5, signal: stop.signal }
    for await (const line of orchestrator.logs(rig.flow.name, 'f', options)) lines.push(line)
  })()
  await until(() => lines.length === 5, 'the last lines', waitMs)
  await rig.publish('pods/in', '{"n":21}')
  await until(() => lines.length === 6 && heard.length === 1, 'a new line, and its record', waitMs)
  stop.abort()
  await following
  assert.is(lines[5]!.msg, 'seen')
  assert.is(lines[5]!.function, 'f')
})

Pods('moves and updates without losing a record or its place', async () => {
  const heard = await rig.listen('pods/out')
  let n = 100
  let stopped = false
  const publishing = (async () => {
    for (; !stopped; n++) {
      await rig.publish('pods/in', JSON.stringify({ n }))
      await new Promise(resolve => setTimeout(resolve, 10))
    }
  })()
  await start('second', 2, { placement: { zone: 'zone-1' } })
  await hosts(all => all.length === 1 && all[0]!.generation === 2, 'the second alone')
  stopped = true
  await publishing
  await until(() => values(heard).at(-1) === n - 1, 'the last record', waitMs)
  assert.equal(
    values(heard),
    Array.from({ length: n - 100 }, (_, i) => i + 100),
  )
  assert.is((await orchestrator.observe(rig.flow.name))[0]!.place, 'node-1')
})

Pods('keeps what works while new code fails, and tells its last words', async () => {
  const heard = await rig.listen('pods/out')
  await start('unready', 3)
  const all = await hosts(
    some => some.some(host => host.generation === 3 && host.failures > 1),
    'two failures',
  )
  const failing = all.find(({ generation }) => generation === 3)!
  assert.is(failing.phase, 'backoff')
  assert.match(failing.lastExit!.log.join('\n'), 'no database')
  assert.ok(all.some(({ generation, phase }) => generation === 2 && phase === 'running'))
  await rig.publish('pods/in', '{"n":1}')
  await until(() => heard.length === 1, 'the old one to go on', waitMs)
  await start('first', 4)
  await hosts(some => some.length === 1 && some[0]!.generation === 4, 'the fourth alone')
})

Pods('says that no node can take it', async () => {
  await start('first', 5, { placement: { zone: 'nowhere' } })
  const all = await hosts(some => some.some(host => host.obstacle !== undefined), 'an obstacle')
  assert.match(all.find(host => host.obstacle)!.obstacle!, /no node can take it: 0\/2 nodes/)
})

Pods.run()
