import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireTransport } from '../runtime/wire-transport.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
  client: MqttClient
  heard: { n: number; v: number }[]
}

const Scale = suite<World>('scaling by a controller')

const flow = `apiVersion: dyninka.dev/v1
name: scaled
sources:
  in: { mqtt: scaled/in }
functions:
  first: { code: first.ts, from: in }
  rare: { code: rare.ts, from: first, scale: { min: 0, max: 2 } }
  busy: { code: busy.ts, from: first, key: n, scale: { min: 1, max: 2 } }
sinks:
  out: { from: rare, mqtt: scaled/out }
  none: { from: busy, mqtt: scaled/none }
`
const first = 'export default function f(value: unknown): unknown { return value }\n'
const rare = (v: number) =>
  `export default function f(value: any): { n: number; v: number } | undefined { if (value.n >= 0) return { n: value.n, v: ${v} } }\n`
const busy = `export default function f(value: any): unknown {
  for (const end = performance.now() + (value.ms ?? 0); performance.now() < end; );
  return value
}
`

Scale.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({
    'dataflow.yaml': flow,
    'first.ts': first,
    'rare.ts': rare(1),
    'busy.ts': busy,
  })
  world.controlled = await Controlled.over({
    repo: world.repository.bare,
    scaling: { quietMs: 2_000, cooldownMs: 500, downMs: 1_000, targetMs: 1_000 },
  })
  world.client = await connectAsync(world.controlled.brokerUrl)
  world.heard = []
  world.client.on('message', (_, payload) => world.heard.push(JSON.parse(payload.toString())))
  await world.client.subscribeAsync('scaled/out', { qos: 1 })
})
Scale.after(async ({ controlled, repository, client }) => {
  await client.endAsync()
  await controlled.remove()
  await repository.remove()
})

const send = (client: MqttClient, record: object) =>
  client.publishAsync('scaled/in', JSON.stringify(record), { qos: 1 })
const rests = async ({ controlled }: World) => {
  const { rare } = await controlled.functions()
  return rare!.phase === 'Idle' && rare!.hosts.length === 0
}
const startsOf = ({ controlled }: World, name: string) =>
  controlled.events.filter(event => event.type === 'started' && event.function === name).length

Scale('runs a function with min 0 once, and takes its host away when nothing comes', async world => {
  await world.controlled.ready()
  await until('it rests', () => rests(world))
  const { rare } = await world.controlled.functions()
  assert.is(rare!.scale!.reason, 'scaled to 0: no work for 2 s')
  assert.is(startsOf(world, 'rare'), 1)
  await world.controlled.ready()
})

Scale('starts a host when a record comes, which handles it, and goes again', async world => {
  const { controlled, client, heard } = world
  await send(client, { n: 1 })
  await until('the record is handled', () => heard.length === 1)
  const { rare } = await controlled.functions()
  assert.is(rare!.scale!.reason, 'scaled to 1: 1 record waits')
  for (let n = 2; n <= 20; n++) await send(client, { n })
  await until('all are handled', () => heard.length === 20)
  await until('it rests again', () => rests(world))
  assert.equal(
    heard.map(({ n }) => n).toSorted((a, b) => a - b), // two partitions, no key
    Array.from({ length: 20 }, (_, i) => i + 1),
  )
})

Scale('builds a push to a function at rest, and starts it when there is work', async world => {
  const { controlled, client, heard, repository } = world
  const before = startsOf(world, 'rare')
  const commit = await repository.publish({ 'rare.ts': rare(2) })
  await controlled.ready(commit)
  assert.ok(
    controlled.events.some(event => event.type === 'built' && event.function === 'rare' && !event.reused),
  )
  assert.is(startsOf(world, 'rare'), before)
  await send(client, { n: 21 })
  await until('the record is handled', () => heard.length === 21)
  assert.equal(heard.at(-1), { n: 21, v: 2 })
  await until('it rests again', () => rests(world))
})

Scale('leaves it at rest when the controller starts anew', async world => {
  const { controlled } = world
  await controlled.kill()
  await controlled.start()
  await controlled.ready()
  // Every host has reported to the new controller, and been looked at.
  const reported = async () => (await controlled.functions()).first!.recordsIn > 0
  await until('hosts were heard of', reported)
  assert.ok(await rests(world))
  assert.not.ok(controlled.events.some(({ type }) => type === 'started' || type === 'scaled'))
})

Scale('finds a record that was sent while nobody looked, by a producer that is gone', async world => {
  const { controlled, client, heard } = world
  const firstPid = (await controlled.functions()).first!.hosts[0]!.pid!
  await controlled.kill()
  await client.subscribeAsync('scaled/none', { qos: 1 })
  await send(client, { n: 22 })
  await until('it was passed on', () => heard.some(({ n, v }) => n === 22 && v === undefined))
  process.kill(firstPid, 'SIGKILL')
  await controlled.start()
  await until('the record is handled', () => heard.some(({ n, v }) => n === 22 && v === 2))
  await client.unsubscribeAsync('scaled/none')
})

Scale('adds hosts while the lag is long, and takes them away again; no other host restarts', async world => {
  const { controlled, client } = world
  await controlled.ready()
  const before = await controlled.functions()
  const wanted = async () => (await controlled.functions()).busy!.scale!
  controlled.events = []
  // 12 s of work, more than one host should be left alone with.
  for (let n = 1; n <= 600; n++) client.publish('scaled/in', JSON.stringify({ n: -n, ms: 20 }), { qos: 1 })
  await until(
    'there are more',
    async () => (await wanted()).hosts >= 2 && (await controlled.functions()).busy!.hosts.length >= 2,
    () => '',
    40_000,
  )
  assert.match((await wanted()).reason, /^scaled to 2: lag /)
  assert.not.ok(
    controlled.events.some(({ type }) => type === 'ready'),
    'that is no news of the revision',
  )
  await until(
    'there is one again',
    async () => (await wanted()).hosts === 1 && (await controlled.functions()).busy!.hosts.length === 1,
    () => '',
    40_000,
  )
  const after = await controlled.functions()
  for (const name of ['in', 'first', 'out', 'none'])
    assert.equal(
      after[name]!.hosts.map(({ id }) => id),
      before[name]!.hosts.map(({ id }) => id),
      name,
    )
  assert.is(after.busy!.hosts[0]!.id, before.busy!.hosts[0]!.id)
})

Scale('leaves nothing of a function that is removed while it rests', async world => {
  const { controlled, repository } = world
  await until('it rests', () => rests(world))
  const before = startsOf(world, 'rare')
  const without = flow.replace(/ {2}rare: .*\n/, '').replace(/ {2}out: .*\n/, '')
  const commit = await repository.publish({ 'dataflow.yaml': without, 'rare.ts': null })
  await controlled.ready(commit)
  const left = async () => {
    const topics: string[] = []
    const reader = await connectAsync(controlled.brokerUrl)
    reader.on('message', topic => topics.push(topic))
    await reader.subscribeAsync(['dyninka/scaled/+/rare/#', 'dyninka/scaled/wiring/first'], { qos: 1 })
    await until('what is retained', () => topics.includes('dyninka/scaled/wiring/first'))
    await reader.endAsync()
    return topics.filter(topic => topic.includes('/rare'))
  }
  await until('nothing is retained', async () => (await left()).length === 0)
  assert.is(startsOf(world, 'rare'), before)
  for (const partition of ['any0of2', 'any1of2']) {
    const clientId = `dyninka_scaled_rare_${partition}`
    const session = await wireTransport(controlled.brokerUrl).connect({
      clientId,
      clean: false,
      onMessage() {},
      onClose() {},
    })
    assert.not.ok(session.sessionPresent)
    await session.close()
  }
})

Scale.run()
