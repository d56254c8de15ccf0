import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { sessionId } from '../../schema/topics.ts'
import { makeAuthority } from '../support/authority.ts'
import { type KillableBroker, mosquitto } from '../support/brokers.ts'
import { until } from '../support/controlled.ts'
import { carriedBy } from './support/carried-by.ts'
import { clusterNode, waitMs, ZonedDataflow, zonedFlow } from './support/zoned-dataflow.ts'

interface World {
  zoned: ZonedDataflow
  edge: KillableBroker
  other: KillableBroker
}

/** Without nodes: hosts are processes of this machine, and nodes are known by name alone. */
const Zones = suite<World>('brokers of zones of a Dataflow')

Zones.before(async world => {
  world.edge = await mosquitto('persistence true\npersistence_location DIR/\n')
  world.other = await mosquitto()
  world.zoned = await ZonedDataflow.open()
})
Zones.after(async ({ zoned, edge, other }) => {
  await zoned?.close()
  await edge?.close()
  await other?.close()
})

Zones('are taken up once their zone has a node, and their Secret is there', async ({ zoned, edge }) => {
  const { stage } = zoned
  await zoned.apply({ zone: 'edge', secretRef: { name: 'edge' } })
  await stage.until('zoned', 'Reconciling', 'True SecretNotFound')
  assert.match(
    await stage.message('zoned', 'Ready'),
    /Secret edge, which spec.broker.zones\[edge\].secretRef names/,
  )
  await stage.api.kubectl(
    'create',
    'secret',
    'generic',
    'edge',
    `--from-literal=url=${edge.url.slice(0, -1)}x`,
  )
  await stage.until('zoned', 'Stalled', 'True BadBroker')
  await stage.api.kubectl(
    ...['patch', 'secret', 'edge', '-p', JSON.stringify({ stringData: { url: edge.url } })],
  )
  await stage.until('zoned', 'Reconciling', 'True ZoneUnknown')
  assert.match(await stage.message('zoned', 'Ready'), /no node in the zone edge.* There is cloud/)
  await stage.api.apply(clusterNode('gateway', 'edge'))
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await zoned.stated(`edge ${edge.url} Used`)
})

Zones('carry what is sent from their zone, and nothing else does', async ({ zoned, edge }) => {
  let carried: string[] = []
  const own = await carriedBy(zoned.stage.broker.url, 'zoned', async () => {
    carried = await carriedBy(edge.url, 'zoned', () => zoned.send())
  })
  assert.equal(carried, ['filter', 'in'])
  assert.equal(own, [])
})

Zones(
  'that can not be what they are said to be are refused, and what runs goes on',
  async ({ zoned, edge, other }) => {
    const { stage } = zoned
    const folder = await mkdtemp(join(tmpdir(), 'dyninka-authority-'))
    const { tls } = await makeAuthority(folder)
    const secure = createServer(tls, socket => {
      const { hostname, port } = new URL(other.url)
      const behind = connect(Number(port), hostname)
      socket.on('error', () => behind.destroy()).pipe(behind)
      behind.on('error', () => socket.destroy()).pipe(socket)
    }).listen(0, '127.0.0.1')
    await once(secure, 'listening')
    const { port } = secure.address() as AddressInfo
    const unfit = await mosquitto('retain_available false\n')
    const before = stage.pids()
    const first = { zone: 'edge', secretRef: { name: 'edge' } }
    try {
      await zoned.apply(first, { zone: 'cloud', url: unfit.url })
      await stage.until('zoned', 'Stalled', 'True BrokerUnfit')
      assert.match(await stage.message('zoned', 'Stalled'), /^zone cloud: .*retain/)
      await zoned.apply(first, { zone: 'cloud', url: `mqtts://127.0.0.1:${port}` })
      await stage.until('zoned', 'Reconciling', 'True BrokerUnreachable')
      assert.match(await stage.message('zoned', 'Reconciling'), /^zone cloud: .*certificate/)
      await zoned.apply(first, { zone: 'moon', url: other.url })
      await stage.until('zoned', 'Reconciling', 'True ZoneUnknown')
      assert.match(
        await stage.message('zoned', 'Reconciling'),
        /no node in the zone moon.*There are cloud, edge/,
      )
      assert.equal(stage.pids(), before)
      await zoned.send()
      // An Event is written in its own time.
      await until('it is told', async () => {
        const notes = (await stage.events('zoned')).map(({ note }) => note)
        return ['zone cloud: ', 'the zone moon'].every(word => notes.some(note => note.includes(word)))
      })
    } finally {
      await unfit.close()
      secure.close()
      await rm(folder, { recursive: true })
    }
    await zoned.apply(first)
    await stage.until('zoned', 'Reconciling', 'False Done')
    await zoned.stated(`edge ${edge.url} Used`)
    assert.equal(stage.pids(), before)
  },
)

Zones('that are away hold nothing else up, not even a controller that starts', async ({ zoned, edge }) => {
  const { stage } = zoned
  await edge.end()
  await stage.until('zoned', 'ZoneBrokerAway', 'True BrokerUnreachable')
  assert.match(
    await stage.message('zoned', 'ZoneBrokerAway'),
    /^zone edge: .* does not answer; .*the rest goes on/,
  )
  await zoned.stated(`edge ${edge.url} Away`)
  for (let i = 0; i < 20; i++) await zoned.publish(zoned.sent++)
  await stage.replicas.pop()!.kill()
  await zoned.replica()
  const commit = await stage.repository.publish(
    { 'dataflow.yaml': zonedFlow.replace('filter.ts,', 'filter.ts, env: { A: b },') },
    stage.url,
  )
  await until(
    'the push is taken up',
    async () => (await stage.get('zoned'))?.status?.revision?.includes(commit) === true,
    undefined,
    waitMs,
  )
  await edge.restart()
  await stage.ready('zoned', commit, waitMs)
  await zoned.through()
  await zoned.stated(`edge ${edge.url} Used`)
  await until('it is told', async () => {
    const events = (await stage.events('zoned')).map(({ reason, note }) => `${reason} ${note}`)
    return ['ZoneBrokerAway', 'ZoneBrokerBack'].every(reason =>
      events.some(event => event.startsWith(`${reason} the broker of zone edge`)),
    )
  })
})

Zones('that are changed while they hold records are left first', async ({ zoned, edge, other }) => {
  const { stage } = zoned
  const stopped = zoned.filters()
  assert.ok(stopped.length > 0)
  for (const { pid } of stopped) process.kill(pid, 'SIGSTOP')
  for (let i = 0; i < 30; i++) await zoned.publish(zoned.sent++)
  await zoned.apply({ zone: 'edge', url: other.url })
  await zoned.stated(`edge ${edge.url} Leaving`)
  for (let i = 0; i < 20; i++) await zoned.publish(zoned.sent++)
  for (const { pid } of stopped) process.kill(pid, 'SIGCONT')
  await zoned.through()
  await zoned.stated(`edge ${other.url} Used`)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await edge.end()
  await zoned.send()
  await edge.restart()
})

Zones('are given up when none is declared any more, with all that was kept of them', async ({ zoned }) => {
  const { stage } = zoned
  assert.equal(await zoned.kept(), ['dyninka-zoned-broker-accounts', 'dyninka-zoned-zone-brokers'])
  await zoned.apply()
  await until('none is known', async () => (await zoned.state()) === undefined, undefined, waitMs)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await zoned.send()
  assert.equal(await zoned.kept(), [])
})

Zones(
  'that are gone for good with records are replaced once what was kept of them is deleted',
  async ({ zoned, edge, other }) => {
    const { stage } = zoned
    await zoned.apply({ zone: 'edge', url: edge.url })
    await zoned.stated(`edge ${edge.url} Used`)
    await stage.until('zoned', 'Ready', 'True Running', waitMs)
    await zoned.send()
    for (const { pid } of zoned.filters()) process.kill(pid, 'SIGSTOP')
    for (let i = 0; i < 30; i++) await zoned.publish(zoned.sent + i)
    await edge.close()
    await stage.until('zoned', 'ZoneBrokerAway', 'True BrokerUnreachable')
    await stage.api.kubectl('delete', 'secret', 'dyninka-zoned-zone-brokers')
    await zoned.apply({ zone: 'edge', url: other.url })
    await zoned.stated(`edge ${other.url} Used`)
    await stage.until('zoned', 'Ready', 'True Running', waitMs)
    zoned.sent += 30
    const lost = 1_000
    for (let i = 0; i < 100; i++) await zoned.publish(lost + i)
    await until('what comes after it is through', () => zoned.heard.includes(lost + 90), undefined, waitMs)
    zoned.heard = zoned.heard.filter(n => n >= lost)
    assert.equal(
      zoned.heard,
      Array.from({ length: 10 }, (_, i) => lost + i * 10),
    )
    zoned.heard = Array.from({ length: zoned.sent / 10 }, (_, i) => i * 10)
  },
)

Zones('go with the Dataflow', async ({ zoned, other }) => {
  const { stage } = zoned
  await zoned.apply({ zone: 'edge', url: other.url })
  await zoned.stated(`edge ${other.url} Used`)
  await stage.until('zoned', 'Ready', 'True Running', waitMs)
  await zoned.send()
  await stage.remove('zoned')
  assert.equal(await zoned.kept(), [])
  const session = await wireTransport(other.url).connect({
    clientId: sessionId('zoned', 'filter', 0),
    clean: false,
    onMessage() {},
    onClose() {},
  })
  await session.close()
  assert.is(session.sessionPresent, false)
})

Zones.run()
