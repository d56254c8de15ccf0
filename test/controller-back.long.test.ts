import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endAll } from '../cli/stop/end-all.ts'
import type { ControllerOptions } from '../controller/options.ts'
import type { DataflowStatus } from '../controller/status.ts'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { cutLinks, mendLinks } from './support/links.ts'
import { makeRepository, type Repository } from './support/repository.ts'
import { moreRecords } from './support/written-records.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Back = suite<World>('functions that fled, and whether going back pays')

/** `far` is to be quick, and its file has it where the broker is far; `dear` is to be cheap, and only the edge is. */
const dataflow = (name: 'far' | 'dear', zone = 'edge') => `apiVersion: dyninka.dev/v1
name: ${name}
goal: { ${name === 'far' ? 'latency' : 'cost'}: 1 }
budget: { prices: { zones: { edge: 1, fog: 100, cloud: 100 } } }
sources:
  tick: { every: 20ms, placement: { zone: cloud, keep: true } }
functions:
  count: { code: count.js, from: tick, placement: { zone: ${zone} } }
sinks:
  out: { from: count, file: out.ndjson, placement: { zone: cloud, keep: true } }
`
/** Numbers records by its own state: what is lost, or comes twice, is seen. */
const count = `export default ({ n }, ctx) => {
  ctx.state = (ctx.state ?? 0) + 1
  return { n, count: ctx.state }
}
`
const files = {
  'far/dataflow.yaml': dataflow('far'),
  'far/count.js': count,
  'dear/dataflow.yaml': dataflow('dear'),
  'dear/count.js': count,
}
const optionsOf = (repository: Repository): Omit<ControllerOptions, 'state'> => ({
  repo: repository.bare,
  nodes: [
    { name: 'e1', zone: 'edge', memory: 1e9 },
    { name: 'f1', zone: 'fog', memory: 1e9 },
    { name: 'c1', zone: 'cloud', memory: 1e9 },
  ],
  links: [{ zones: ['edge', 'cloud'], rttMs: 40 }],
  brokerZone: 'cloud',
  windowMs: 1_000,
  adapting: { cutAfterMs: 5_000, healAfterMs: 1_500 },
  silentMs: 4_000,
  intervalMs: 1_000,
})

Back.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish(files)
  world.controlled = await Controlled.over(optionsOf(world.repository))
  await ready(world)
})
Back.after(async ({ repository, controlled }) => {
  mendLinks(controlled.state)
  await controlled.kill()
  await endAll(controlled.state)
  await controlled.remove()
  await repository.remove()
})

const statusOf = async ({ controlled }: World, name: string) => (await controlled.status(name))!
const countOf = (status: DataflowStatus) => status.functions.find(({ name }) => name === 'count')!
const placeOf = async (world: World, flow: string) =>
  [...new Set(countOf(await statusOf(world, flow)).hosts.map(({ node }) => node))].join()

const runsOn = (world: World, flow: string, node: string) =>
  until(
    `${flow} runs on ${node}`,
    async () => (await placeOf(world, flow)) === node,
    () => JSON.stringify(world.controlled.events.slice(-12)),
    60_000,
  )

async function ready(world: World) {
  for (const name of ['far', 'dear'])
    await until(
      `${name} is ready`,
      async () =>
        (await world.controlled.status(name))?.conditions.some(
          ({ type, status }) => type === 'Ready' && status === 'True',
        ) ?? false,
      undefined,
      60_000,
    )
}

/** Waits until it stays elsewhere, by its costs. */
async function stays(world: World) {
  let status: DataflowStatus | undefined
  await until(
    'far stays',
    async () => {
      status = await statusOf(world, 'far')
      return countOf(status).placed?.stays !== undefined
    },
    () => JSON.stringify([status?.conditions, world.controlled.events.slice(-8)]),
    60_000,
  )
  return status!
}

/** Both flee, and the link is mended. */
async function flee(world: World) {
  cutLinks(world.controlled.state)
  await Promise.all([leaves(world, 'far'), leaves(world, 'dear')])
  mendLinks(world.controlled.state)
}

const leaves = (world: World, flow: string) =>
  until(
    `${flow} leaves`,
    async () => /^[cf]1$/.test(await placeOf(world, flow)),
    () => JSON.stringify(world.controlled.events.slice(-12)),
    60_000,
  )

/** Waits for as many windows as a decision asks for, in which the way from the edge was measured. */
const measured = ({ controlled }: World, flow: string) =>
  until(
    `there are figures of ${flow}`,
    async () => {
      const file = await (await fetch(`${controlled.url}/api/telemetry?flow=${flow}`)).text()
      return file.split('\n').filter(line => line.includes('"e1":{"mqtt://')).length >= 8
    },
    undefined,
    60_000,
  )

const told = ({ controlled }: World, flow: string) =>
  controlled.events.flatMap(event => (event.type === 'relocated' && event.flow === flow ? [event] : []))

const move = ({ controlled }: World, ...args: string[]) =>
  cli(['move', 'count', ...args, '--flow', 'far', '--state', controlled.state])

/** Waits for more records than there are: all of them, once, in order. */
async function loseNothing({ controlled }: World, flow: string) {
  const path = join(controlled.state, `files/${flow}/out.ndjson`)
  const all = await moreRecords<{ n: number; count: number }>(path)
  assert.equal(
    all.map(({ n, count }) => [n, count]),
    all.map((_, i) => [all[0]!.n + i, i + 1]),
    'none is lost, none comes twice, and they are in order',
  )
}

Back('stays where going back costs more, and says how much; goes back where it pays', async world => {
  for (const flow of ['far', 'dear']) {
    await measured(world, flow)
    await loseNothing(world, flow)
  }
  await flee(world)
  await runsOn(world, 'dear', 'e1')
  const { reason } = told(world, 'dear').at(-1)!
  assert.match(
    reason,
    /^no more: zone edge does not reach the broker; it saves [\d.]+ an hour, and moving costs 0\.02$/,
  )
  const status = await stays(world)
  const stay = countOf(status).placed!.stays
  assert.match(stay!.says, /^going back to zone edge would cost 0\.\d+ an hour more$/)
  // 40 ms on the way of each record, a hundredth an hour for each.
  assert.ok(stay!.costsMore > 0.3 && stay!.costsMore < 0.6, String(stay!.costsMore))
  const displaced = status.conditions.find(({ type }) => type === 'Displaced')!
  assert.is(displaced.reason, 'ReturnDoesNotPay')
  assert.match(displaced.message, /^count stays in (zone|node) \w+: going back to zone edge would cost/)
  const said = told(world, 'far').at(-1)!
  assert.is(said.stays, true)
  const { stdout } = await cli(['status', '--state', world.controlled.state])
  assert.match(
    stdout,
    /it fled \(zone edge does not reach the broker\), and stays: going back to zone edge would cost 0\.\d+ an hour/,
  )
  assert.match(stdout, '`dyninka move count --back --now` has it go back')
  for (const flow of ['far', 'dear']) await loseNothing(world, flow)
})

Back('stays over a restart of the controller', async world => {
  const place = await placeOf(world, 'far')
  await world.controlled.kill()
  await world.controlled.start()
  await ready(world)
  const { at } = countOf(await statusOf(world, 'far')).placed!
  const asked = async () => countOf(await statusOf(world, 'far')).placed?.stays?.at
  const before = await asked()
  await until('it is asked again', async () => (await asked()) !== before, undefined, 60_000)
  assert.is(await placeOf(world, 'far'), place)
  assert.is(countOf(await statusOf(world, 'far')).placed!.at, at, 'it has fled once')
  assert.equal(told(world, 'far'), [])
  await loseNothing(world, 'far')
})

Back(
  'goes back at once when a person asks for it, and the status says nothing of it any more',
  async world => {
    const { code, stdout, stderr } = await move(world, '--back', '--now')
    assert.is(code, 0, stderr)
    assert.match(stdout, 'count goes where the file says')
    await runsOn(world, 'far', 'e1')
    const status = await statusOf(world, 'far')
    assert.is(countOf(status).placed, undefined)
    assert.not(status.conditions.some(({ type }) => type === 'Displaced'))
    await loseNothing(world, 'far')
  },
)

Back('comes to the same when the link is cut again, and goes back when the node is restored', async world => {
  await flee(world)
  await stays(world)
  const { code, stderr } = await cli([
    'node',
    'restore',
    'e1',
    '--flow',
    'far',
    '--state',
    world.controlled.state,
  ])
  assert.is(code, 0, stderr)
  await runsOn(world, 'far', 'e1')
  await loseNothing(world, 'far')
})

Back('goes back at once when a person moves it to where its file has it', async world => {
  await flee(world)
  await stays(world)
  const { code, stderr } = await move(world, '--to', 'edge', '--now')
  assert.is(code, 0, stderr)
  await runsOn(world, 'far', 'e1')
  assert.is(countOf(await statusOf(world, 'far')).placed, undefined)
})

Back('stays for good once the file says so, and nothing moves', async world => {
  await flee(world)
  const place = await leaves(world, 'far').then(() => placeOf(world, 'far'))
  await stays(world)
  const generations = countOf(await statusOf(world, 'far')).hosts.map(({ generation }) => generation)
  const zone = place === 'f1' ? 'fog' : 'cloud'
  const commit = await world.repository.publish({ 'far/dataflow.yaml': dataflow('far', zone) })
  await until(
    'it is decided',
    async () => {
      const status = await statusOf(world, 'far')
      return status.revision.includes(commit) && countOf(status).placed === undefined
    },
    undefined,
    30_000,
  )
  assert.equal(
    countOf(await statusOf(world, 'far')).hosts.map(({ generation }) => generation),
    generations,
  )
  await loseNothing(world, 'far')
})

Back('goes back by time alone where nothing was measured, which is said', async ({ repository }) => {
  await repository.publish(files)
  const options = { ...optionsOf(repository), windowMs: 600_000 }
  const world: World = { repository, controlled: await Controlled.over(options) }
  try {
    await ready(world)
    for (const flow of ['far', 'dear']) await loseNothing(world, flow)
    await flee(world)
    await runsOn(world, 'far', 'e1')
    assert.match(
      told(world, 'far').at(-1)!.reason,
      /^no more: .*; whether that pays is not known: nothing was measured$/,
    )
  } finally {
    mendLinks(world.controlled.state)
    await world.controlled.kill()
    await endAll(world.controlled.state)
    await world.controlled.remove()
  }
})

Back.run()
