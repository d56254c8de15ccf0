import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GitServer, startGitServer } from '../support/git-server.ts'
import { makeRepository, type Repository } from '../support/repository.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { run } from './run-program.ts'
import { localVolume } from './support/local-volume.ts'
import { cloneInto, commandsOf, type } from './support/manual.ts'
import { mosquittoArchive } from './support/mosquitto-image.ts'

interface World {
  cluster: Cluster
  folder: string
  repository: Repository
  git: GitServer
  /** Of a dataflow beside it. */
  rests: Pick<World, 'repository' | 'git'>
  outside: MqttClient
  heard: { device: string; time: number; city: string }[]
}

/** A new user's way: install, a Dataflow with a broker of its own, pushes, trouble, removal. */
const Way = suite<World>('the ETL example on a cluster')

const project = fileURLToPath(new URL('../..', import.meta.url))
const etl = join(project, 'flows/etl')
const waitMs = 180_000

Way.before(async world => {
  world.folder = await mkdtemp(join(tmpdir(), 'dyninka-way-'))
  world.heard = []
  world.cluster = await startCluster({ nodes: 2 })
  const { cluster } = world
  const mosquitto = await mosquittoArchive(world.folder)
  for (const node of cluster.nodes) await node.importImages(mosquitto)
  await cluster.kubectl('create', 'namespace', 'weather')
  await cluster.kubectl('config', 'set-context', '--current', '--namespace=weather')
  await volumeOn(world)
  world.repository = await makeRepository()
  world.git = await startGitServer(world.repository.root, { host: cluster.address })
  const repository = await makeRepository()
  world.rests = { repository, git: await startGitServer(repository.root, { host: cluster.address }) }
})
Way.after(async ({ outside, git, repository, rests, cluster, folder }) => {
  await outside?.endAsync(true)
  await git?.stop()
  await repository?.remove()
  await rests?.git.stop()
  await rests?.repository.remove()
  await cluster?.stop()
  await rm(folder, { recursive: true, force: true })
})

const kubectl = ({ cluster }: World, ...args: string[]) => cluster.kubectl('-n', 'weather', ...args)
const isReady = (world: World) =>
  kubectl(world, 'wait', '--for=condition=Ready', 'dataflow/etl', `--timeout=${waitMs / 1_000}s`)

async function until(what: string, holds: () => Promise<boolean> | boolean, detail = async () => '') {
  for (const end = Date.now() + waitMs; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`waited for ${what}: ${await detail()}`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

Way('is installed, and gets ready on a broker of its own, as the README says', async world => {
  const { cluster, git, repository, folder } = world
  const blocks = await commandsOf('README.md', '## On Kubernetes', {
    'registry.example.org': cluster.registry,
    // As it says of a registry without TLS.
    '--push $REGISTRY': '--push http://$REGISTRY',
    'https://git.example.org/etl.git': `${git.url}/repository.git`,
  })
  const said = await type(cluster.kubeconfig, blocks.join(''), await cloneInto(folder))
  assert.match(said, /^NAME .*\netl +True /m)
  await cluster.kubectl('-n', 'dyninka', 'rollout', 'status', 'deployment/dyninka', '--timeout=180s')
  // What follows pushes more often than its half a minute.
  const often = JSON.stringify({ spec: { source: { interval: '1s' } } })
  await kubectl(world, 'patch', 'dataflow', 'etl', '--type=merge', '-p', often)
  await repository.git('pull', '--quiet', 'origin', 'main')
})

/** A volume for the broker, of the class that is the default. */
async function volumeOn({ cluster, folder }: World) {
  const path = join(folder, 'volume')
  await mkdir(path, { mode: 0o777 })
  await cluster.nodes[0]!.run('chmod', '777', path)
  await cluster.apply(
    {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: {
        name: 'manual',
        annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' },
      },
      provisioner: 'kubernetes.io/no-provisioner',
    },
    localVolume('broker', path, cluster.nodes[0]!.name),
  )
}

Way('carries observations through its pods', async world => {
  world.outside = await connectAsync(await brokerUrl(world), { protocolVersion: 4, reconnectPeriod: 500 })
  world.outside.on('error', () => {})
  world.outside.on('message', (_, payload) => world.heard.push(JSON.parse(payload.toString())))
  await world.outside.subscribeAsync('weather/observations', { qos: 1 })
  await send(world, 0, 20)
  await until(
    '20 observations',
    () => world.heard.length >= 20,
    async () => `${world.heard.length} came\n${await kubectl(world, 'get', 'pods')}`,
  )
})

Way('takes a push over pod by pod, and loses nothing', async world => {
  const before = await podsOf(world)
  const sending = send(world, 20, 40)
  sending.catch(() => {}) // told below
  const file = 'functions/annotate.ts'
  const code = readFileSync(join(etl, file), 'utf8').replace('...station }', "...station, city: 'Checked' }")
  const commit = await world.repository.publish({ [file]: code })
  await until('the new revision', async () =>
    (await kubectl(world, 'get', 'dataflow', 'etl', '-o', 'jsonpath={.status.revision}')).includes(commit),
  )
  await isReady(world)
  await sending
  await send(world, 60, 5)
  // A sink may get one twice.
  const times = () => new Set(world.heard.map(({ device, time }) => `${device}/${time}`)).size
  await until(
    '65 observations',
    () => times() >= 65,
    async () => String(times()),
  )
  assert.is(times(), 65)
  assert.is(world.heard.at(-1)!.city, 'Checked')
  await until('only its pod to be another', async () => {
    const after = await podsOf(world)
    const isGone = (pod: string) => !after.includes(pod)
    return after.length === before.length && before.filter(isGone).join().split('-')[1] === 'annotate'
  })
})

Way('is looked into through the API server, with no port forwarded', async world => {
  const see = (...args: string[]) =>
    run(process.execPath, [
      ...[join(project, 'cli/main.ts'), ...args],
      ...['-n', 'weather', '--kubeconfig', world.cluster.kubeconfig],
    ])
  const tapped = see('tap', 'stations', '--limit', '1', '--json')
  let isDone = false
  const done = tapped.finally(() => {
    isDone = true
  })
  done.catch(() => {}) // told below
  while (!isDone) {
    // No line that a station sends: nothing comes of it.
    await world.outside.publishAsync('stations/9/csv', '"rubbish"', { qos: 1 })
    await new Promise(resolve => setTimeout(resolve, 300))
  }
  assert.is(JSON.parse(await tapped).value, 'rubbish')
  await until('it is given up', async () => /to-senml +0\/\d+/.test(await see('dead', 'list', 'to-senml')))
  const [status, logs, graph] = await Promise.all([
    see('status'),
    see('logs', 'console', '--lines', '3', '--json'),
    see('graph', '--json'),
  ])
  assert.match(status, /^! etl {2}Ready, but to-senml gives records up/)
  assert.match(status, /annotate +function +Running +node-\d/)
  const lines = logs.trim().split('\n')
  assert.is(lines.length, 3)
  for (const line of lines) assert.match(JSON.parse(line).host, /^etl-console-/)
  assert.is(JSON.parse(graph).nodes.length, 11)
  assert.match(await see('diff', world.repository.work), 'runs as it is here')
  assert.match(await see('dead', 'drop', 'to-senml', '--all'), 'dropped')
})

Way('goes on when the leader and a function are killed', async world => {
  const { cluster } = world
  const lease = [
    '-n',
    'dyninka',
    'get',
    'lease',
    'dyninka-controller',
    '-o',
    'jsonpath={.spec.holderIdentity}',
  ]
  const leader = (await cluster.kubectl(...lease)).split('_')[0]!
  await cluster.kubectl('-n', 'dyninka', 'delete', 'pod', leader, '--now')
  const [join] = (await podsOf(world)).filter(pod => pod.startsWith('etl-join'))
  await kubectl(world, 'delete', 'pod', join!, '--now')
  await arrives(world, 65, 8)
  await isReady(world)
})

Way('goes on when the broker is', async world => {
  const broker = await kubectl(world, 'get', 'pods', '-l', 'dyninka.dev/broker-of=etl', '-o', 'name')
  await kubectl(world, 'delete', broker.trim())
  await until('another broker', async () =>
    (await kubectl(world, 'get', 'pods', '-l', 'dyninka.dev/broker-of=etl')).includes('1/1'),
  )
  await until('the sender is back', () => world.outside.connected)
  await arrives(world, 73, 7)
  await isReady(world)
})

const idle = `apiVersion: dyninka.dev/v1
name: idle
sources:
  jobs: { mqtt: idle/jobs }
functions:
  work: { code: work.ts, from: jobs, scale: { min: 0, max: 1 } }
sinks:
  done: { from: work, mqtt: idle/done }
`
const workers = ({ cluster }: World) =>
  cluster.kubectl('-n', 'idle', 'get', 'pods', '-l', 'dyninka.dev/function=work', '-o', 'name')

Way('begins with a pod of a function that may have none', async world => {
  const { cluster, rests } = world
  const code = 'export default (job: { n: number }) => ({ done: job.n })\n'
  await rests.repository.publish({ 'dataflow.yaml': idle, 'work.ts': code })
  await cluster.kubectl('create', 'namespace', 'idle')
  await cluster.apply({
    apiVersion: 'dyninka.dev/v1',
    kind: 'Dataflow',
    metadata: { name: 'idle', namespace: 'idle' },
    spec: {
      source: { url: `${rests.git.url}/repository.git`, interval: '1s' },
      broker: { url: cluster.broker.url },
    },
  })
  await cluster.kubectl('-n', 'idle', 'wait', '--for=condition=Ready', 'dataflow/idle', '--timeout=180s')
  assert.match(await workers(world), /^pod\/idle-work-/)
})

Way('runs images of its functions where there is a registry', async world => {
  const { cluster, git } = world
  const base = `${cluster.registry}/dyninka/node:24` // which the README has pushed
  await cluster.kubectl('create', 'namespace', 'images')
  await cluster.apply({
    apiVersion: 'dyninka.dev/v1',
    kind: 'Dataflow',
    metadata: { name: 'etl', namespace: 'images' },
    spec: {
      source: { url: `${git.url}/repository.git`, interval: '1s' },
      registry: { image: `${cluster.registry}/flows`, base, insecure: true },
      broker: { url: cluster.broker.url },
    },
  })
  await cluster.kubectl('-n', 'images', 'wait', '--for=condition=Ready', 'dataflow/etl', '--timeout=180s')
  const images = await cluster.kubectl(
    '-n',
    'images',
    'get',
    'pods',
    '-o',
    'jsonpath={..spec.containers[*].image}',
  )
  assert.ok(
    images
      .split(' ')
      .every(image => image.startsWith(`${cluster.registry}/flows/etl/`) && image.includes('@')),
  )
  await cluster.kubectl('-n', 'images', 'delete', 'dataflow', 'etl', '--timeout=150s')
})

Way('has no pod for it once it has had no work for a while, and one when there is some', async world => {
  const { cluster } = world
  await until(
    'no pod to be there',
    async () => (await workers(world)) === '',
    () => workers(world),
  )
  const client = await connectAsync(cluster.broker.url)
  const done: string[] = []
  client.on('message', (_, payload) => done.push(payload.toString()))
  await client.subscribeAsync('idle/done', { qos: 1 })
  await client.publishAsync('idle/jobs', '{"n":1}', { qos: 1 })
  await until('the job to be done', () => done.length > 0)
  await client.endAsync()
  assert.equal(done, ['{"done":1}'])
  assert.match(await workers(world), /^pod\/idle-work-/)
  await cluster.kubectl('-n', 'idle', 'delete', 'dataflow', 'idle', '--timeout=150s')
})

Way('leaves nothing behind', async world => {
  await world.outside.endAsync(true)
  await kubectl(world, 'delete', 'dataflow', 'etl', '--timeout=150s')
  const kinds = 'deployments,statefulsets,services,networkpolicies,pvc,secrets'
  await until('all is gone', async () => (await kubectl(world, 'get', kinds, '-o', 'name')).trim() === '')
  assert.is(await kubectl(world, 'get', 'configmaps', '-l', 'dyninka.dev/artifact', '-o', 'name'), '')
})

/** Sends so many, and waits until as many have come in all, no matter how often. */
async function arrives(world: World, from: number, count: number) {
  await send(world, from, count)
  const times = () => new Set(world.heard.map(({ device, time }) => `${device}/${time}`))
  await until(
    `${from + count} observations`,
    () => times().size === from + count,
    async () => `${times().size} came, the last ${JSON.stringify(world.heard.at(-1))}`,
  )
}

const podsOf = async (world: World) =>
  (await kubectl(world, 'get', 'pods', '-l', 'dyninka.dev/flow=etl', '-o', 'name'))
    .trim()
    .split('\n')
    .map(name => name.replace('pod/', ''))
    .toSorted()

async function brokerUrl(world: World): Promise<string> {
  const name = 'dyninka-etl-broker'
  const password = await kubectl(world, 'get', 'secret', name, '-o', 'jsonpath={.data.password}')
  const address = await kubectl(world, 'get', 'service', name, '-o', 'jsonpath={.spec.clusterIP}')
  return `mqtt://dyninka-controller:${Buffer.from(password, 'base64').toString()}@${address}:1883`
}

/** Some lines of the example's own data, one after the other: ten are as many as `join` waits for. */
async function send({ outside }: World, from: number, count: number) {
  const lines = readFileSync(join(etl, 'data/seattle.ndjson'), 'utf8').trim().split('\n')
  const known = lines.filter(line => !line.includes('test-bench')).slice(from, from + count)
  for (const line of known) {
    await outside.publishAsync('gateways/1/senml', line, { qos: 1 })
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

Way.run()
