import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cli } from '../support/cli.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { runtimeImage } from './images.ts'
import { Counting, countCode } from './support/counting.ts'
import { Stage } from './support/stage.ts'

interface World {
  cluster: Cluster
  stage: Stage
  counting: Counting
  /** Of the function whose kubelet is lost. */
  logs: Cli
  seen: number[]
}

/** By function: which of three nodes it prefers, each of which is lost in its own way. One is decided to be there. */
const ways = { kubelet: 'node-2', network: 'node-3', power: 'node-4', decided: 'node-3' }
const waitMs = 180_000

const placementIn = (name: string, zone: string) =>
  // What it prefers it goes back to whatever that costs: here all nodes are as near.
  `{ ${name === 'decided' ? `zone: ${zone}, ` : ''}prefer: [{ zone: ${zone}, weight: 100 }] }`

const files = {
  'count.ts': countCode,
  'camera.ts': 'export default ({ n }: { n: number }): { n: number } => ({ n })\n',
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: loss
sources:
  in: { mqtt: loss/in, placement: { zone: zone-1 } }
  eyes: { mqtt: loss/in, placement: { zone: zone-1 } }
functions:
${Object.entries(ways)
  .map(
    ([name, node]) =>
      `  ${name}: { code: count.ts, from: in, key: k, env: { BY: ${name} }, ` +
      `placement: ${placementIn(name, node.replace('node', 'zone'))} }`,
  )
  .join('\n')}
  camera: { code: camera.ts, from: eyes, placement: { require: { labels: { camera: exists } } } }
sinks:
  counted: { from: [${Object.keys(ways)}], mqtt: loss/counted, placement: { zone: zone-1 } }
  seen: { from: camera, mqtt: loss/seen, placement: { zone: zone-1 } }
`,
}

const Loss = suite<World>('nodes that are lost')

Loss.before(async world => {
  world.cluster = await startCluster({
    nodes: 4,
    labels: [{}, {}, { camera: 'front' }, {}],
    mosquitto: 'max_queued_messages 0', // what waits for the camera waits outside of the dataflow
    // DEFAULTS=1 measures what Kubernetes does by itself.
    ...(process.env.DEFAULTS && {
      controllerArgs: ['--node-monitor-period', '5s', '--node-monitor-grace-period', '50s'],
    }),
  })
  const { broker } = world.cluster
  world.stage = await Stage.over(world.cluster, { url: broker.url, close: async () => {} })
  const commit = await world.stage.repository.publish(files)
  const pods = { image: runtimeImage, ...(!process.env.DEFAULTS && { tolerationSeconds: 3 }) }
  await world.stage.replica({ pods, adapting: { healAfterMs: 20_000 } })
  await world.stage.apply('loss')
  await world.stage.ready('loss', commit, waitMs)
  world.seen = []
  world.counting = await Counting.start(broker.url, 'loss', {
    'loss/seen': payload => world.seen.push(JSON.parse(payload).n),
  })
})
Loss.after(async ({ stage, counting, cluster, logs }) => {
  logs?.process.kill('SIGKILL')
  await counting?.close()
  await (stage ? stage.close() : cluster?.stop())
})

async function until(what: string, holds: () => Promise<boolean> | boolean, detail = async () => '') {
  for (const end = Date.now() + waitMs; !(await holds()); await sleep(100))
    if (Date.now() > end) throw new Error(`waited for ${what}: ${await detail()}`)
}

const pods = ({ cluster }: World) => cluster.kubectl('get', 'pods', '-o', 'wide')
const camera = async ({ stage }: World) =>
  (await stage.get('loss'))?.status?.functions?.find(({ name }) => name === 'camera')

const displaced = async ({ stage }: World) =>
  (await stage.get('loss'))?.status?.conditions?.find(({ type }) => type === 'Displaced')

/** Hosts that told that they began, as often as they did. */
const began = ({ logs }: World) =>
  logs.said.stdout
    .split('\n')
    .slice(0, -1)
    .map(line => JSON.parse(line) as { host: string; msg: string })
    .filter(({ msg }) => msg === 'began')
    .map(({ host }) => host)

Loss('begin with functions where they prefer to be', async world => {
  for (const [way, node] of Object.entries(ways)) {
    await until(`records of ${way}`, () => world.counting.at(way) !== undefined)
    assert.is(world.counting.of(way)[0]!.at, node)
  }
  await until('what the camera sees', () => world.seen.length > 0)
  world.logs = new Cli([
    ...['logs', 'kubelet', '--follow', '--json'],
    ...['-n', 'default', '--kubeconfig', world.cluster.kubeconfig],
  ])
  await until(
    'what a function logs',
    () => began(world).length === 1,
    async () => JSON.stringify(world.logs.said),
  )
})

Loss('are replaced by another one, however they were lost', async world => {
  const [, second, third, fourth] = world.cluster.nodes
  const before = Date.now()
  await Promise.all([second!.stopKubelet(), third!.unplug(), fourth!.powerOff()])
  const took: Record<string, number> = {}
  await until(
    'functions to go on elsewhere',
    () => {
      for (const way of Object.keys(ways))
        if (world.counting.at(way) === 'node-1') took[way] ??= (Date.now() - before) / 1_000
      return Object.keys(took).length === Object.keys(ways).length
    },
    () => pods(world),
  )
  console.log('went on elsewhere after so many seconds:', took)
})

Loss('are left by what is decided to be there, which is said', async world => {
  await until(
    'it is said',
    async () => (await displaced(world))?.status === 'True',
    () => pods(world),
  )
  const { reason, message } = (await displaced(world))!
  assert.is(reason, 'NodeLost')
  assert.match(message, /^decided runs in zone zone-1: node node-3 does not answer/)
  const events = await world.cluster.kubectl(
    'get',
    'events',
    '-o',
    'jsonpath={range .items[*]}{.reason} {.note}{.message}{"\\n"}{end}',
  )
  assert.match(events, 'Relocated decided goes to zone zone-1: node node-3 does not answer')
})

Loss('are followed by who reads a log', async world => {
  await until(
    'the log of the next pod',
    () => began(world).length === 2,
    async () => JSON.stringify(world.logs.said),
  )
  const [first, second] = began(world)
  assert.is.not(first, second)
})

Loss('leave what runs nowhere else waiting, and say so', async world => {
  await until(
    'the camera to wait',
    async () => /no node can take it/.test((await camera(world))?.message ?? ''),
    async () => JSON.stringify(await camera(world)),
  )
  assert.is((await camera(world))!.phase, 'Waiting')
  assert.match((await world.stage.conditions('loss')).Ready!, 'False')
})

Loss('do no harm when they come back, and what waited goes on', async world => {
  const { cluster, stage, counting } = world
  const [, second, third, fourth] = cluster.nodes
  const waiting = world.seen.length
  await Promise.all([second!.startKubelet(), third!.plug(), fourth!.powerOn()])
  await until(
    'the camera',
    () => world.seen.length > waiting,
    () => pods(world),
  )
  await until(
    'the lost pods to be gone',
    async () => {
      const text = await cluster.kubectl(
        'get',
        'pods',
        '-o',
        'jsonpath={.items[*].metadata.deletionTimestamp}',
      )
      return text.trim() === ''
    },
    () => pods(world),
  )
  await until(
    'what is decided to be there to be back',
    () => world.counting.at('decided') === 'node-3',
    () => pods(world),
  )
  await until('nothing to be elsewhere', async () => (await displaced(world)) === undefined)
  await stage.until('loss', 'Ready', 'True', waitMs)
  await counting.end()
  const { sent, told } = counting
  await until(
    'all records',
    () => told.length >= Object.keys(ways).length * sent && world.seen.length >= sent,
    async () => `${told.length} counted and ${world.seen.length} seen of ${sent}`,
  )
  const all = Array.from({ length: sent }, (_, n) => n)
  assert.equal(world.seen, all)
  world.logs.process.kill('SIGINT')
  assert.is((await world.logs.end()).code, 130)
  assert.is(new Set(began(world)).size, began(world).length, 'each line is read once')
  for (const way of Object.keys(ways)) counting.check(way)
})

Loss.run()
