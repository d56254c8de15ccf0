import { globSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerAccounts } from '../controller/broker/accounts/accounts.ts'
import { initialSecurity } from '../controller/broker/accounts/initial.ts'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { ZoneWatch } from '../controller/broker/zone-watch.ts'
import type { Context } from '../runtime/context.ts'
import { type Content, wiringOf } from '../schema/wiring.ts'
import { aedes, hasMosquitto, type KillableBroker, mosquitto, type TestBroker } from './support/brokers.ts'
import { Conductor } from './support/conductor.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

const Accounts = suite('accounts on brokers of zones')

const zones = ['edge', 'south']
const keys = 5
const admin = { username: 'dyninka', password: 'of the controller' }
const [plugin] = globSync('/usr/lib/{,*/}mosquitto_dynamic_security.so')
const isInstalled = hasMosquitto() && plugin !== undefined
const OnMosquitto = isInstalled ? Accounts : Accounts.skip

let folder: string
let home: TestBroker
let brokers: Record<string, KillableBroker> = {}
let urls: Record<string, string>
let client: BrokerClient
let accounts: BrokerAccounts[]

Accounts.before(async () => {
  if (!isInstalled) return
  folder = await mkdtemp(join(tmpdir(), 'dyninka-zone-accounts-'))
  home = await aedes()
  brokers = {}
  urls = {}
  for (const zone of zones) {
    const file = join(folder, `${zone}.json`)
    await writeFile(file, initialSecurity(admin))
    brokers[zone] = await mosquitto(
      `allow_anonymous false\nplugin ${plugin}\nplugin_opt_config_file ${file}\nlog_type error\n` +
        `persistence true\npersistence_location DIR/\n`,
    )
    const { username, password } = admin
    urls[zone] = Object.assign(new URL(brokers[zone].url), { username, password }).href
  }
  client = await BrokerClient.connect(home.url, { onChange() {}, onConnection() {} }, urls)
  accounts = zones.map(
    zone =>
      new BrokerAccounts({ dedicated: () => client.dedicated(urls[zone]) }, urls[zone]!, 'secret', zone),
  )
})
Accounts.after(async () => {
  if (!isInstalled) return
  await client?.close()
  for (const broker of Object.values(brokers)) await broker.close()
  await home.close()
  await rm(folder, { recursive: true, force: true })
})

const contentsOf = ({ flow }: Rig): Record<string, Content> =>
  Object.fromEntries(
    wiringOf(flow, producer => flow.nodes.find(({ name }) => name === producer)!.placement.zone),
  )

OnMosquitto('are enough for what goes by them, while producers move', async () => {
  const at = (zone?: string) => ({ placement: zone === undefined ? {} : { zone } })
  const count = (value: unknown, ctx: Context) => {
    const { count } = (ctx.state as { count: number } | undefined) ?? { count: 0 }
    ctx.state = { count: count + 1 }
    return { ...(value as { key: string; n: number }), count: count + 1 }
  }
  const rig = new Rig(
    home.url,
    [
      source('in', { type: 'mqtt', filter: 'accounts/in', format: 'json' }, at('edge')),
      fn('first', ['in'], { key: 'key', ...at('edge') }),
      fn('count', ['first'], { key: 'key', scale: { min: 1, max: 2 }, ...at('south') }),
      sink('out', ['count'], { type: 'mqtt', topic: 'accounts/out', retain: false }),
    ],
    { first: value => value, count },
    {},
    urls,
  )
  rig.accountOf = (zone, node) => accounts[zones.indexOf(zone)]!.urlOf(rig.flow.name, node)
  const { name } = rig.flow
  const grant = (desired: Record<string, Content>, observed: Record<string, Content>, settled: boolean) =>
    Promise.all(accounts.map(each => each.grant(name, { desired, observed }, settled)))
  await grant(contentsOf(rig), {}, false)
  await rig.start()
  const conductor = await Conductor.over(home.url, rig.flow, urls)
  for (const node of rig.flow.nodes) conductor.brokers[node.name] = [...zones]
  const heard = await rig.listen('accounts/out')
  let sent = 0
  try {
    for (const places of [
      {},
      { first: 'south', count: 'edge' },
      { in: 'south', first: undefined },
      { in: undefined, first: 'edge', count: undefined },
      { in: 'edge', first: 'edge', count: 'edge' },
    ] as Record<string, string | undefined>[]) {
      const before = contentsOf(rig)
      for (const node of rig.flow.nodes)
        if (node.name in places) node.placement = at(places[node.name]).placement
      await grant(contentsOf(rig), before, false)
      const settling = conductor.settle(rig.flow)
      for (let i = 0; i < 100; i++, sent++)
        await rig.publish('accounts/in', JSON.stringify({ key: `k${sent % keys}`, n: sent }))
      await settling
      await grant(contentsOf(rig), contentsOf(rig), true)
      await until(() => heard.length >= sent, `${sent} records`, 30_000)
    }
    await sleep(100) // for what comes twice
    const records = heard.map(({ payload }) => JSON.parse(payload.toString()) as { n: number; count: number })
    for (const { n, count } of records) assert.is(count, Math.floor(n / keys) + 1)
    assert.is(new Set(records.map(({ n }) => n)).size, sent)
    assert.is(records.length, sent)
  } finally {
    await rig.close()
    await conductor.close()
  }
})

OnMosquitto('are seen anew where the broker has others than it had', async () => {
  const [own] = accounts as [BrokerAccounts]
  const wiring = {
    desired: { solo: contentsOf({ flow: { nodes: [fn('solo', [])] } } as unknown as Rig).solo! },
    observed: {},
  }
  await own.grant('lone', wiring, false)
  await (await client.dedicated(own.urlOf('lone', 'solo'))).endAsync(true)
  await brokers.edge!.end()
  await writeFile(join(folder, 'edge.json'), initialSecurity(admin))
  await brokers.edge!.restart()
  own.forget()
  await own.grant('lone', wiring, false)
  await (await client.dedicated(own.urlOf('lone', 'solo'))).endAsync(true)
})

OnMosquitto('wait while a broker is away, of which it is told once', async () => {
  const told: [string, boolean][] = []
  const watch = await ZoneWatch.open(urls, {
    onChange: (zone, isAway) => told.push([zone, isAway]),
    patienceMs: 200,
  })
  assert.equal(watch.away, [])
  await brokers.south!.end()
  await until(() => told.length === 1, 'it to be told')
  assert.equal([watch.away, watch.answers('south'), watch.answers('edge')], [['south'], false, true])
  const late = await ZoneWatch.open(urls, { onChange() {} })
  assert.equal(late.away, ['south'])
  await late.close()
  await brokers.south!.restart()
  await until(() => told.length === 2, 'it to be told')
  assert.equal(told, [
    ['south', true],
    ['south', false],
  ])
  assert.equal(watch.away, [])
  await watch.close()
})

Accounts.run()
