import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Link } from '../../controller/link/link.ts'
import { until } from '../support/controlled.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { Counting, countCode } from './support/counting.ts'
import { Stage } from './support/stage.ts'

interface World {
  cluster: Cluster
  stage: Stage
  /** From the pods of the edge to the broker. */
  far: Link
  counting: Counting
  /** Pod of the function that nothing happens to. */
  beside: string
}

/** A broker in the cloud, and two zones that have what a function requires: one of them is where it is decided to be. */
const Adaptation = suite<World>('functions whose node is full, or whose zone is cut off')

const zones = ['cloud', 'edge', 'fog']
const adapting = { fullAfterMs: 5_000, cutAfterMs: 12_000, healAfterMs: 10_000 }
const waitMs = 120_000
const files = {
  'count.ts': countCode,
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: adapt
sources:
  in: { mqtt: adapt/in, placement: { zone: cloud } }
functions:
  count: { code: count.ts, from: in, key: k, env: { BY: count }, placement: { zone: edge, prefer: [{ zone: edge, weight: 100 }], require: { labels: { plant: exists } } } }
  beside: { code: count.ts, from: in, key: k, env: { BY: beside }, placement: { zone: cloud } }
sinks:
  counted: { from: [count, beside], mqtt: adapt/counted, placement: { zone: cloud } }
`,
}

Adaptation.before(async world => {
  const plant = { plant: 'north' }
  world.cluster = await startCluster({ nodes: 3, zones, labels: [{}, plant, plant] })
  const { cluster } = world
  world.stage = await Stage.over(cluster, { url: cluster.broker.url, close: async () => {} })
  world.far = new Link({ zones: ['edge', 'cloud'], rttMs: 10 })
  const port = await world.far.open('edge', { host: cluster.address, port: 1883 }, 0, cluster.address)
  await cluster.nodes[1]!.divert(`${cluster.address}:1883`, `${cluster.address}:${port}`)
  const commit = await world.stage.repository.publish(files)
  await world.stage.replica({ pods: { image: runtimeImage }, adapting })
  await world.stage.apply('adapt')
  await world.stage.ready('adapt', commit, waitMs)
  world.counting = await Counting.start(cluster.broker.url, 'adapt')
  await come(world, 'records at the edge', () => world.counting.at('count') === 'node-2')
  await come(world, 'records in the cloud', () => world.counting.at('beside') === 'node-1')
  world.beside = await podOf(world, 'beside')
})
Adaptation.after(async ({ cluster, stage, far, counting }) => {
  await counting?.close()
  await far?.close()
  await (stage ? stage.close() : cluster?.stop())
})

const podOf = ({ cluster }: World, name: string) =>
  cluster.kubectl('get', 'pods', '-l', `dyninka.dev/function=${name}`, '-o', 'name')
/** Of the pods that run, or are about to end. */
const nodesOf = ({ cluster }: World, name: string) =>
  cluster.kubectl(
    ...['get', 'pods', '-l', `dyninka.dev/function=${name}`, '--field-selector=status.phase=Running'],
    ...['-o', 'jsonpath={.items[*].spec.nodeName}'],
  )
const displaced = async ({ stage }: World) =>
  (await stage.get('adapt'))?.status?.conditions?.find(({ type }) => type === 'Displaced')

/** @returns after how many seconds */
async function come(world: World, what: string, holds: () => Promise<boolean> | boolean): Promise<number> {
  const start = performance.now()
  let end = ''
  const holdsNow = async () => {
    if (await holds()) return true
    if (performance.now() - start > waitMs - 2_000) end ||= await state(world)
    return false
  }
  await until(what, holdsNow, () => end, waitMs)
  return (performance.now() - start) / 1_000
}

const state = async (world: World) =>
  [
    await world.cluster.kubectl('get', 'pods', '-o', 'wide'),
    JSON.stringify((await world.stage.get('adapt'))?.status?.conditions, null, 1),
    `${world.counting.told.length} of ${world.counting.sent}, last at ${world.counting.at('count')}`,
  ].join('\n')

async function goesToFog(world: World, reason: string, message: RegExp): Promise<number> {
  const seconds = await come(world, 'it to go on in the fog', () => world.counting.at('count') === 'node-3')
  await come(world, 'it to be said', async () => (await displaced(world))?.status === 'True')
  const said = (await displaced(world))!
  assert.is(said.reason, reason)
  assert.match(said.message!, message)
  return seconds
}

async function comesBack(world: World): Promise<number> {
  const seconds = await come(world, 'it to be back', () => world.counting.at('count') === 'node-2')
  await come(world, 'nothing to be elsewhere', async () => (await displaced(world)) === undefined)
  // As long as the pod of the fog is there, it takes over at once what another one loses.
  await come(world, 'its other pod to be gone', async () => (await nodesOf(world, 'count')) === 'node-2')
  await world.stage.until('adapt', 'Ready', 'True', waitMs)
  return seconds
}

const isShort = ({ cluster }: World) =>
  cluster
    .kubectl('get', 'node/node-2', '-o', 'jsonpath={.status.conditions[?(@.type=="MemoryPressure")].status}')
    .then(status => status === 'True')

Adaptation('leave a node that its kubelet calls short of memory, within what they require', async world => {
  const [, edge] = world.cluster.nodes
  // Less is free of this machine, whatever runs on it.
  await edge!.keepFree('99%')
  await come(world, 'the kubelet to say so', () => isShort(world))
  const seconds = await goesToFog(
    world,
    'NodeFull',
    /^count runs in zone fog: node node-2 is short of memory/,
  )
  console.log(`went on elsewhere ${seconds.toFixed(1)} s after its node was short of memory`)
  const events = await world.stage.events('adapt')
  assert.ok(
    events.some(({ note }) => /count goes to zone fog: node node-2 is short of memory/.test(note)),
    JSON.stringify(events.map(({ note }) => note)),
  )
})

Adaptation('come back to a node once it has been well for a while', async world => {
  await world.cluster.nodes[1]!.keepFree('50Mi')
  await come(world, 'the kubelet to say so', async () => !(await isShort(world)))
  const seconds = await comesBack(world)
  console.log(`was back ${seconds.toFixed(1)} s after its node was well`)
  assert.ok(seconds > adapting.healAfterMs / 1_000 - 3, `${seconds}`) // the kubelet says so each 2 s
})

Adaptation(
  'leave a zone that does not reach the broker, not before it was cut for as long as that',
  async world => {
    const pod = await podOf(world, 'count')
    world.far.cut()
    const seconds = await goesToFog(
      world,
      'LinkCut',
      /^count runs in zone fog: zone edge does not reach the broker/,
    )
    console.log(`went on elsewhere ${seconds.toFixed(1)} s after its zone was cut off`)
    assert.ok(seconds > adapting.cutAfterMs / 1_000 - 1, `${seconds}`)
    assert.is.not(await podOf(world, 'count'), pod)
  },
)

Adaptation('come back to a zone that reaches it again, and have lost nothing', async world => {
  const { counting } = world
  world.far.mend()
  const seconds = await comesBack(world)
  console.log(`was back ${seconds.toFixed(1)} s after the link was`)
  await counting.end()
  const names = ['count', 'beside']
  await come(world, 'all records', () => counting.told.length >= names.length * counting.sent)
  for (const name of names) counting.check(name)
  const nodes = (name: string) => [...new Set(counting.of(name).map(({ at }) => at))].sort()
  assert.equal(nodes('count'), ['node-2', 'node-3'], 'where what it requires is')
  assert.equal(nodes('beside'), ['node-1'])
  assert.is(await podOf(world, 'beside'), world.beside, 'the smallest change')
})

Adaptation.run()
