import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connectAsync, type MqttClient } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerAccounts } from '../controller/broker/accounts/accounts.ts'
import { changesTo } from '../controller/broker/accounts/changes.ts'
import { initialSecurity } from '../controller/broker/accounts/initial.ts'
import { rightsOf, zoneRightsOf } from '../controller/broker/accounts/rights.ts'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { hasMosquitto, type KillableBroker, mosquitto } from './support/brokers.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

const Rights = suite('rights on the broker')

const content = (from: string[], to: string[]) => ({
  inputs: from.map(node => ({ node, output: 'default', stream: 'all' })),
  outputs: { default: [{ name: 'all', shards: 1, window: 8, consumers: to }] },
})

Rights('are those of the wiring that is in effect and of the one to come', () => {
  const { publish, subscribe } = rightsOf('f', 'b', [content(['a'], ['c']), content(['z'], ['d'])])
  assert.ok(subscribe.includes('dyninka/f/data/a/default/all/+'))
  assert.ok(subscribe.includes('dyninka/f/data/z/default/all/+'))
  assert.ok(subscribe.includes('dyninka/f/credit/c/+'))
  assert.ok(subscribe.includes('dyninka/f/credit/d/+'))
  assert.ok(publish.every(topic => topic === 'dyninka/f/nudge' || topic.split('/')[3] === 'b'))
})

Rights('on the broker of a zone are for what goes by it, and what is sent never needs another one', () => {
  const by = (broker?: string) => ({
    ...content([], ['c']),
    inputs: [{ node: 'a', output: 'default', stream: `all@${broker}`, ...(broker && { broker }) }],
  })
  const { publish, subscribe } = zoneRightsOf('f', 'b', 'edge', [by('edge'), by('fog'), by()])
  assert.equal(subscribe, ['dyninka/f/data/a/default/all@edge/+', 'dyninka/f/mark/b/+'])
  assert.equal(publish, ['dyninka/f/data/b/#', 'dyninka/f/mark/b/+', 'dyninka/f/nudge'])
  assert.equal(zoneRightsOf('f', 'b', 'edge', []).publish, publish)
  const next = { ...content([], []), next: { inputs: by('edge').inputs } }
  assert.equal(zoneRightsOf('f', 'b', 'edge', [next]).subscribe, subscribe)
})

Rights('change one by one, and only where they differ', () => {
  const passwords = { mark: 'm', passwordOf: () => 'secret' }
  const rights = new Map([['dyninka/f/b', { publish: ['x'], subscribe: ['y'] }]])
  const roles = new Map([
    ['dyninka/f/b', new Set(['publishClientSend x', 'publishClientSend old'])],
    ['dyninka/f/gone', new Set<string>()],
    ['dyninka/other/b', new Set<string>()],
  ])
  const clients = new Map([
    ['dyninka/f/b', 'm'],
    ['dyninka/f/gone', 'm'],
  ])
  const names = (prefix?: string) =>
    changesTo(rights, { roles, clients }, passwords, prefix).map(({ command, topic, rolename, username }) =>
      [command, topic ?? rolename ?? username].join(' '),
    )
  assert.equal(names(), ['addRoleACL y'])
  assert.equal(names('dyninka/f/'), [
    'addRoleACL y',
    'removeRoleACL old',
    'deleteClient dyninka/f/gone',
    'deleteRole dyninka/f/gone',
  ])
})

Rights.run()

interface World {
  broker: KillableBroker
  folder: string
  url: string
  repository: Repository
  controlled: Controlled
  outside: MqttClient
  heard: string[]
}

const [plugin] = globSync('/usr/lib/{,*/}mosquitto_dynamic_security.so')
const Accounts = suite<World>('accounts on the broker')

const flow = (more = '') => `apiVersion: dyninka.dev/v1
name: kept
sources:
  in: { mqtt: outside/in }
functions:
  count:
    code: functions/count.ts
    from: in
    key: k
    scale: { min: 1, max: 2 }
    retry: { attempts: 2, backoff: 10ms, order: relaxed }
  pass: { code: functions/pass.ts, from: count }
${more}sinks:
  out: { from: pass, mqtt: outside/out }
`
const count = `import type { Context } from 'dyninka'
interface In { k: string; n: number }
export default function count(record: In, ctx: Context<{ state: number }>): { k: string; n: number; count: number } {
  if (record.n < 0 && !ctx.record.replay) throw new Error('negative')
  ctx.state = (ctx.state ?? 0) + 1
  ctx.timer(Date.now() + 20)
  return { ...record, count: ctx.state }
}
export const timer = (ctx: Context<{ state: number }>) => ctx.emit('default', { k: 'timer', n: 0, count: ctx.state })
`
const pass = 'export default (record: { k: string; n: number; count: number }) => record\n'
const admin = { username: 'dyninka', password: 'of the controller' }

Accounts.before(async world => {
  world.folder = await mkdtemp(join(tmpdir(), 'dyninka-accounts-'))
  const file = join(world.folder, 'dynamic-security.json')
  await writeFile(file, initialSecurity(admin))
  world.broker = await mosquitto(
    `allow_anonymous false\nplugin ${plugin}\nplugin_opt_config_file ${file}\npersistence true\n` +
      `persistence_location DIR/\nlog_type error\n`,
  )
  const url = new URL(world.broker.url)
  url.username = admin.username
  url.password = encodeURIComponent(admin.password)
  world.url = url.href
  world.heard = []
  world.outside = await connectAsync(world.url, { protocolVersion: 4 })
  world.outside.on('message', (_, payload) => world.heard.push(payload.toString()))
  await world.outside.subscribeAsync('outside/out', { qos: 1 })
  world.repository = await makeRepository()
  await world.repository.publish({
    'dataflow.yaml': flow(),
    'functions/count.ts': count,
    'functions/pass.ts': pass,
  })
  world.controlled = await Controlled.over({
    repo: world.repository.bare,
    branch: 'main',
    broker: world.url,
    accounts: { key: 'secret' },
  })
  await world.controlled.ready()
})
Accounts.after(async ({ controlled, repository, broker, outside, folder }) => {
  await controlled?.remove()
  await repository?.remove()
  await outside?.endAsync(true)
  await broker?.close()
  await rm(folder, { recursive: true, force: true })
})

const send = ({ outside }: World, k: string, n: number) =>
  outside.publishAsync('outside/in', JSON.stringify({ k, n }), { qos: 1 })
const arrives = (world: World, text: string) =>
  until(
    `${text} arrives`,
    () => world.heard.some(payload => payload.includes(text)),
    () => world.heard.join('\n'),
  )

Accounts('let records, state, timers, retries and dead letters through', async world => {
  for (let n = 1; n <= 50; n++) await send(world, `k${n % 7}`, n)
  await arrives(world, '"k":"k1","n":50,"count":8')
  await arrives(world, '"k":"timer"')
  await send(world, 'bad', -1)
  await until(
    'it is a dead letter',
    async () => (await world.controlled.functions()).count!.deadLetters === 1,
  )
  await world.controlled.post('/api/dead/replay?flow=kept&function=count')
  await arrives(world, '"k":"bad","n":-1,"count":1')
})

Accounts('survive the death of a host with all its state', async world => {
  const { count } = await world.controlled.pids()
  process.kill(count!, 'SIGKILL')
  await send(world, 'k1', 51)
  await arrives(world, '"k":"k1","n":51,"count":9')
})

Accounts('get more rights before a push needs them, and lose them after', async world => {
  const twice = '  twice: { code: functions/pass.ts, from: count }\n'
  const commit = await world.repository.publish({
    'dataflow.yaml': flow(twice).replace('from: pass', 'from: [pass, twice]'),
  })
  await world.controlled.ready(commit)
  await send(world, 'twice', 1)
  await until(
    'it comes both ways',
    () => world.heard.filter(text => text.includes('"k":"twice"')).length === 2,
  )
  await world.controlled.ready(await world.repository.publish({ 'dataflow.yaml': flow() }))
  await until('its account is gone', async () => !(await mayConnect(world, 'twice')))
})

Accounts('of one function can neither read nor write what is another’s', async world => {
  const client = await connectAsync(urlOf(world, 'pass'), { protocolVersion: 4, reconnectPeriod: 0 })
  for (const filter of [
    'dyninka/kept/state/count/#',
    'outside/in',
    '#',
    'dyninka/kept/data/in/default/all/0',
  ])
    await client.subscribeAsync(filter, { qos: 1 }).then(
      () => assert.unreachable(`may read ${filter}`),
      () => {},
    )
  // Mosquitto acknowledges what it drops.
  await client.publishAsync('outside/out', 'forged', { qos: 1 })
  await client.publishAsync('dyninka/kept/wiring/count', 'forged', { qos: 1, retain: true })
  await client.endAsync()
  await send(world, 'after', 1)
  await arrives(world, '"k":"after"')
  assert.not.ok(world.heard.includes('forged'))
  assert.is((await world.controlled.functions()).count!.phase, 'Running')
})

Accounts('survive a restart of broker and controller', async world => {
  await world.controlled.kill()
  await world.broker.end()
  await world.broker.restart()
  await world.controlled.start()
  await world.controlled.ready()
  await until('the sender is back', () => world.outside.connected)
  await send(world, 'again', 1)
  await arrives(world, '"k":"again","n":1,"count":1')
})

Accounts('go with the dataflow', async world => {
  await world.repository.publish({
    'dataflow.yaml': null,
    'functions/count.ts': null,
    'README.md': 'nothing',
  })
  await until('its accounts are gone', async () => !(await mayConnect(world, 'count')))
})

Accounts('are refused clearly by a broker without the plugin', async () => {
  const plain = await mosquitto()
  const client = await BrokerClient.connect(plain.url, { onChange() {}, onConnection() {} })
  try {
    await new BrokerAccounts(client, plain.url, 'secret').grant('f', { desired: {}, observed: {} }, true)
    assert.unreachable()
  } catch (error) {
    assert.is((error as { reason?: string }).reason, 'NoBrokerAccounts')
  } finally {
    await client.close()
    await plain.close()
  }
})

const urlOf = ({ url }: World, node: string) =>
  new BrokerAccounts({ dedicated: () => Promise.reject() }, url, 'secret').urlOf('kept', node)

const mayConnect = (world: World, node: string) =>
  connectAsync(
    urlOf(world, node),
    { protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 2_000 },
    false,
  ).then(
    async client => {
      await client.endAsync()
      return true
    },
    () => false,
  )

if (hasMosquitto() && plugin !== undefined) Accounts.run()
