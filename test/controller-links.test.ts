import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { run } from '../cli/run.ts'
import { readJson } from '../controller/atomic-file.ts'
import type { LinkFile } from '../controller/link/links.ts'
import { checkZones } from '../controller/link/ways.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { isAlive } from '../controller/process-identity.ts'
import { readTelemetry, type TelemetryFile } from '../controller/telemetry/file.ts'
import { snapshotOf } from '../controller/telemetry/snapshot.ts'
import type { DeclaredLink } from '../schema/declared-link.ts'
import { load } from '../schema/index.ts'
import type { Problem } from '../schema/problem.ts'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: far
sources:
  tick: { every: 50ms, placement: { zone: edge } }
functions:
  count: { code: count.ts, from: tick, placement: { zone: cloud } }
sinks:
  out: { from: count, log: {}, placement: { zone: attic } }
`,
  'count.ts': 'export default function count(_: unknown): { n: number } {\n  return { n: 1 }\n}\n',
}
const nodes = [
  { name: 'shed', zone: 'edge' },
  { name: 'server', zone: 'cloud' },
  { name: 'attic', zone: 'attic' },
  { name: 'cellar', zone: 'cellar' },
]
const links = (rttMs: number): DeclaredLink[] => [
  { zones: ['edge', 'cloud'], rttMs, bytesPerSecond: 500_000, pricePerGiB: 0.25 },
  { zones: ['cloud', 'cellar'], rttMs: 70 },
]

const Zones = suite('links of a controller')

Zones('are as long as asked for, seen by telemetry and placement, and outlive what breaks', async () => {
  const repository = await makeRepository()
  await repository.publish(files)
  const { flow } = await load(repository.work, { types: false })
  const options = { repo: repository.bare, nodes, brokerZone: 'edge', windowMs: 1_000 }
  let controlled = await Controlled.over({ ...options, links: links(30) })
  const { state } = controlled
  const keeper = () => readJson<LinkFile>(join(state, 'links.json'))!
  const telemetry = async (sinceMs: number): Promise<TelemetryFile> => {
    const text = await (await fetch(`${controlled.url}/api/telemetry?sinceMs=${sinceMs}`)).text()
    return readTelemetry(Buffer.from(text), 'the answer')
  }
  /** From each node to the broker, in the newest windows. */
  const trips = async () => {
    const { roundTrips, broker } = snapshotOf(await telemetry(3_000))
    assert.ok(roundTrips.every(trip => trip.broker === broker))
    return Object.fromEntries(roundTrips.map(({ node, rttMs }) => [node, rttMs.value]))
  }
  const records = async () => (await controlled.functions()).count!.recordsIn ?? 0
  const goesOn = async () => {
    const before = await records()
    await until('records come', async () => (await records()) > before + 20, undefined, 30_000)
  }
  try {
    await controlled.ready(undefined, 60_000)
    let measured: Record<string, number> = {}
    // A machine that is busy with the start adds its own.
    await until(
      'they are as long as declared, and there is no distance where no link is',
      async () => {
        measured = await trips()
        const { server = 0, shed = 99, attic = 99 } = measured
        return server > 29 && server < 40 && shed < 8 && attic < 8
      },
      () => JSON.stringify(measured),
      40_000,
    )

    const { mean } = situationOf(await telemetry(3_000), flow!)
    assert.equal(mean.brokers[0]!.place, { zone: 'edge' })
    const { rttMs, ...rest } = mean.links.find(({ from, to }) => from === 'cloud' && to === 'edge')!
    assert.ok(rttMs > 29 && rttMs < 50, `${rttMs} ms`)
    assert.equal(rest, { from: 'cloud', to: 'edge', bytesPerSecond: 500_000, pricePerGiB: 0.25 })
    const unmeasured = mean.links.find(({ from, to }) => from === 'cellar' && to === 'cloud')!
    assert.is(unmeasured.rttMs, 70, 'what nobody has measured is as declared')

    const first = keeper()
    process.kill(first.pid, 'SIGKILL')
    await until('it is kept again', () => keeper().pid !== first.pid)
    assert.equal(keeper().ways, first.ways, 'at the same ports')
    await goesOn()

    const { pid } = keeper()
    await controlled.kill()
    assert.ok(isAlive(keeper()), 'it outlives the controller')
    controlled = await Controlled.over({ ...options, links: links(30) }, state)
    await controlled.ready(undefined, 60_000)
    assert.is(keeper().pid, pid, 'and is adopted')

    await controlled.kill()
    controlled = await Controlled.over({ ...options, links: links(80) }, state)
    await controlled.ready(undefined, 60_000)
    await until('it is longer', async () => (await trips()).server! > 75, undefined, 30_000)
    await goesOn()

    await controlled.kill()
    controlled = await Controlled.over({ ...options, links: [] }, state)
    await controlled.ready(undefined, 60_000)
    await until('it is gone', async () => (await trips()).server! < 8, undefined, 30_000)
    assert.not(isAlive(keeper()))
    await controlled.kill()
    controlled = await Controlled.over({ ...options, links: links(4) }, state)
    const last = keeper()
    await controlled.kill()
    await cli(['stop', '--state', state])
    assert.not(isAlive(last), 'dyninka stop ends it')
  } finally {
    await cli(['stop', '--state', state])
    await controlled.remove()
    await repository.remove()
  }
})

const wrong: [string, Parameters<typeof checkZones>[0], string][] = [
  [
    'a link to nowhere',
    { nodes, links: [{ zones: ['edge', 'moon'], rttMs: 1 }], brokerZone: 'edge' },
    'link edge~moon: no node is in zone moon',
  ],
  ['a broker in no zone', { nodes, brokerZone: 'moon' }, 'the zone of the broker: no node is in zone moon'],
  [
    'links without a zone of the broker',
    { nodes, links: links(1) },
    'nothing tells in which zone the broker is',
  ],
  [
    'a link twice',
    { nodes, links: [...links(1), { zones: ['cloud', 'edge'], rttMs: 2 }], brokerZone: 'edge' },
    'link cloud~edge is declared twice',
  ],
  [
    'a link of a zone to itself',
    { nodes, links: [{ zones: ['edge', 'edge'], rttMs: 2 }], brokerZone: 'edge' },
    'link edge~edge leads nowhere',
  ],
  ['a node twice', { nodes: [...nodes, nodes[0]!] }, 'the node shed is declared twice'],
  [
    'links without nodes',
    { links: links(1), brokerZone: 'edge' },
    'zones are named, but no node is declared',
  ],
  [
    'a link to a broker with TLS',
    { nodes, links: links(1), brokerZone: 'edge', broker: 'mqtts://broker.example' },
    'no link leads to a broker with TLS: its certificate is not of this machine',
  ],
  [
    'a link to a broker of a zone with TLS',
    { nodes, links: links(1), brokerZone: 'edge', zoneBrokers: { cloud: 'mqtts://broker.example' } },
    'no link leads to a broker with TLS: its certificate is not of this machine',
  ],
]
for (const [what, declared, message] of wrong) {
  Zones(`refuses ${what}`, () => {
    assert.throws(
      () => checkZones(declared),
      (problem: Problem) =>
        problem.message === message && problem.hint !== undefined && problem.reason === 'BadZones',
    )
  })
}

const flags: [string, string][] = [
  ['a~b', 'It says no round trip'],
  ['a,rtt=1ms', 'It begins with two zones'],
  ['a~b~c,rtt=1ms', 'It begins with two zones'],
  ['a~b,rtt=-4ms', 'rtt=-4ms: it is a duration'],
  ['a~b,rtt=fast', 'rtt=fast: it is a duration'],
  ['a~b,rtt=4ms,bandwidth=1XB/s', 'bandwidth=1XB/s: it is like 1MB/s'],
  ['a~b,rtt=4ms,bandwidth=0MB/s', 'bandwidth=0MB/s: it is like 1MB/s'],
  ['a~b,rtt=4ms,bandwidth=1MB', 'bandwidth=1MB: it is like 1MB/s'],
  ['a~b,rtt=4ms,price=-1', 'price=-1: it is money'],
  ['a~b,rtt=4ms,rtt=5ms', 'It has two of rtt'],
  ['a~b,rtt=4ms,bandwith=1MB/s', 'It has no bandwith: there are rtt, bandwidth, price'],
]
Zones('refuses what --link and --node can not be, and says what is right', async () => {
  const refusal = async (...args: string[]) => {
    const command = run().configureOutput({ writeErr() {} })
    return command.parseAsync(['--repo', '.', ...args], { from: 'user' }).then(
      () => 'taken',
      (error: Error) => error.message,
    )
  }
  for (const [text, message] of flags) assert.match(await refusal('--link', text), message)
  for (const text of ['', ',zone=a', 'a,cpu=-1', 'a,memory=12Mx', 'a,label==b', 'a,zone=', 'a,cpu=1,cpu=2'])
    assert.match(await refusal('--node', text), "option '--node <NAME,…>' argument", text)
  for (const text of ['=b', 'broker=b', 'mqtt://b='])
    assert.match(await refusal('--broker-zone', text), 'edge-lyon')
  for (const text of ['0s', '100ms', '2m', 'soon']) assert.match(await refusal('--window', text), 'It takes')
})

Zones.run()
