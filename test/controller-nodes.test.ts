import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { endAll } from '../cli/stop/end-all.ts'
import type { DeclaredNode, NodeState } from '../controller/orchestrator/orchestrator.ts'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { cutLinks, mendLinks } from './support/links.ts'
import { makeRepository, type Repository } from './support/repository.ts'
import { moreRecords } from './support/written-records.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Nodes = suite<World>('virtual nodes that can not be used')

/** What it prefers it goes back to whatever that costs. */
const dataflow = (zone = 'edge') => `apiVersion: dyninka.dev/v1
name: counting
sources:
  tick: { every: 20ms, placement: { zone: cloud } }
functions:
  count: { code: count.js, from: tick, placement: { zone: ${zone}, prefer: [{ zone: ${zone}, weight: 1 }] } }
  hold: { code: hold.js, from: tick, env: { FROM: "\${FROM}" }, placement: { zone: edge, prefer: [{ zone: edge, weight: 1 }] } }
  free: { code: free.js, from: tick, placement: { zone: cloud } }
sinks:
  out: { from: count, file: out.ndjson, placement: { zone: cloud } }
  held: { from: [hold, free], log: {}, placement: { zone: cloud } }
`
/** Numbers records by its own state: what is lost, or comes twice, is seen. */
const count = `export default ({ n }, ctx) => {
  ctx.state = (ctx.state ?? 0) + 1
  return { n, count: ctx.state }
}
`
/** Takes memory once it is told to, as long as it is where there is too little of it. */
const hold = `const held = []
export default ({ n }, ctx) => {
  if (ctx.env.HUNGRY === 'yes' && n % 50 === 0 && held.length === 0) held.push(Buffer.alloc(300e6, 1))
}
`
const file = (path: string) => `flows/counting/${path}`
const nodes: DeclaredNode[] = [
  { name: 'e1', zone: 'edge', memory: 400e6 },
  { name: 'f1', zone: 'fog', rttMs: { edge: 5, cloud: 20 } },
  { name: 'c1', zone: 'cloud' },
]
const flow = (hungry = 'no', zone?: string) =>
  dataflow(zone).replace(`FROM: "\${FROM}"`, `HUNGRY: "${hungry}"`)

Nodes.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({
    [file('dataflow.yaml')]: flow(),
    [file('count.js')]: count,
    [file('hold.js')]: hold,
    [file('free.js')]: 'export default () => undefined\n',
  })
  world.controlled = await Controlled.over({
    repo: world.repository.bare,
    nodes,
    links: [{ zones: ['edge', 'cloud'], rttMs: 30 }],
    brokerZone: 'cloud',
    adapting: { cutAfterMs: 6_000, fullAfterMs: 4_000, healAfterMs: 8_000 },
    silentMs: 4_000,
    intervalMs: 1_000,
  })
  await world.controlled.ready(undefined, 60_000)
})
Nodes.after(async ({ repository, controlled }) => {
  mendLinks(controlled.state)
  await controlled.kill()
  await endAll(controlled.state)
  await controlled.remove()
  await repository?.remove()
})

const placesOf = async ({ controlled }: World, name: string) =>
  [...new Set((await controlled.functions())[name]!.hosts.map(({ node }) => node))].join()

const runsOn = (world: World, name: string, node: string) =>
  until(
    `${name} runs on ${node}`,
    async () => (await placesOf(world, name)) === node,
    () => JSON.stringify(world.controlled.events.slice(-12)),
    60_000,
  )

const node = ({ controlled }: World, ...args: string[]) => cli(['node', ...args, '--state', controlled.state])

/** Waits for more records than there are: all of them, once, in order. */
async function loseNothing({ controlled }: World) {
  const path = join(controlled.state, 'files/counting/out.ndjson')
  const all = await moreRecords<{ n: number; count: number }>(path)
  assert.equal(
    all.map(({ n }) => n),
    all.map((_, i) => all[0]!.n + i),
    'none is lost, none comes twice, and they are in order',
  )
  assert.equal(
    all.map(({ count }) => count),
    all.map((_, i) => i + 1),
    'and the state has it so',
  )
}

const generationsOf = async ({ controlled }: World, ...names: string[]) => {
  const functions = await controlled.functions()
  return names.map(name => functions[name]!.hosts.map(({ generation }) => generation).join())
}

Nodes(
  'are drained: what runs there goes elsewhere, nothing else moves, and no record is lost',
  async world => {
    const { controlled } = world
    await loseNothing(world)
    const others = await generationsOf(world, 'tick', 'free', 'out', 'held')
    const drained = await node(world, 'drain', 'e1')
    assert.is(drained.code, 0, drained.stderr)
    assert.match(drained.stdout, 'e1 is drained: what runs there goes elsewhere')
    await runsOn(world, 'count', 'f1')
    await runsOn(world, 'hold', 'f1')
    await controlled.ready()
    await loseNothing(world)
    assert.equal(await generationsOf(world, 'tick', 'free', 'out', 'held'), others)
    assert.match((await node(world, 'list')).stdout, /e1\s+edge\s+-\s+\d+m\s+\d+Mi\s+Drained/)
    const { stdout } = await cli(['status', '--state', controlled.state])
    assert.match(stdout, /count: in zone fog for \d+ ?s, and not where its file says: node e1 is drained/)
    const displaced = (await controlled.status())!.conditions.find(({ type }) => type === 'Displaced')
    assert.equal([displaced!.status, displaced!.reason], ['True', 'NodeDrained'])
  },
)

Nodes(
  'stay drained over a restart of the controller, and are used again once they are restored',
  async world => {
    const { controlled } = world
    await controlled.kill()
    await controlled.start()
    await controlled.ready()
    assert.is(await placesOf(world, 'count'), 'f1')
    assert.equal((await node(world, 'restore', 'e1')).code, 0)
    await runsOn(world, 'count', 'e1')
    await runsOn(world, 'hold', 'e1')
    await controlled.ready()
    assert.not((await controlled.status())!.conditions.some(({ type }) => type === 'Displaced'))
    await loseNothing(world)
  },
)

Nodes('that do not exist are named', async world => {
  const { code, stderr } = await node(world, 'drain', 'e7')
  assert.is(code, 1)
  assert.match(stderr, 'there is no node e7')
  assert.match(stderr, 'e1, f1 and c1')
})

Nodes('that are short of memory lose what takes most of it, and only that', async world => {
  const { repository, controlled } = world
  const commit = await repository.publish({ [file('dataflow.yaml')]: flow('yes') })
  await controlled.ready(commit, 60_000)
  const others = await generationsOf(world, 'tick', 'count', 'free')
  await runsOn(world, 'hold', 'f1')
  assert.is(await placesOf(world, 'count'), 'e1')
  assert.equal(await generationsOf(world, 'tick', 'count', 'free'), others)
  const states = await controlled.get<NodeState[]>('/api/nodes')
  assert.equal(
    states.map(({ name }) => name),
    ['e1', 'f1', 'c1'],
  )
  const told = controlled.events.filter(event => event.type === 'relocated' && event.function === 'hold')
  assert.match(JSON.stringify(told), 'node e1 is short of memory')
  await loseNothing(world)
})

Nodes('whose zone does not reach the broker are left, and nothing is lost', async world => {
  const { repository, controlled } = world
  await controlled.ready(await repository.publish({ [file('dataflow.yaml')]: flow('no') }), 60_000)
  await until('all is at the edge', async () => (await placesOf(world, 'hold')) === 'e1', undefined, 60_000)
  cutLinks(controlled.state)
  await runsOn(world, 'count', 'f1')
  const displaced = (await controlled.status())!.conditions.find(({ type }) => type === 'Displaced')
  assert.equal(displaced!.reason, 'LinkCut')
  await loseNothing(world)
  mendLinks(controlled.state)
  await runsOn(world, 'count', 'e1')
  await controlled.ready(undefined, 60_000)
  await loseNothing(world)
})

Nodes('are no more in the way once the file decides otherwise', async world => {
  const { repository, controlled } = world
  await node(world, 'drain', 'e1')
  await runsOn(world, 'count', 'f1')
  await controlled.ready(await repository.publish({ [file('dataflow.yaml')]: flow('no', 'cloud') }), 60_000)
  await runsOn(world, 'count', 'c1')
  const { count } = await controlled.functions()
  assert.is(count!.placed, undefined)
  await loseNothing(world)
})

Nodes.run()
