import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { DataflowStatus } from '../controller/status.ts'
import { readRetained } from '../runtime/retained.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { sessionId } from '../schema/topics.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Several = suite<World>('several dataflows in one repository')

const flow = (name: string) => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 100ms }
functions:
  count: { code: count.ts, from: tick }
sinks:
  out: { from: count, log: {} }
`
const count = `import type { Context } from 'dyninka'
export default function count(_: unknown, ctx: Context<{ state: number }>): number {
  ctx.state = (ctx.state ?? 0) + 1
  return ctx.state
}
`

Several.before(async context => {
  context.repository = await makeRepository()
  await context.repository.publish({
    'a/dataflow.yaml': flow('a'),
    'a/count.ts': count,
    'b/dataflow.yaml': flow('b'),
    'b/count.ts': count,
  })
  context.controlled = await Controlled.over({ repo: context.repository.bare })
})
Several.after(async ({ controlled, repository }) => {
  await controlled.remove()
  await repository.remove()
})

const conditionOf = (status: DataflowStatus | undefined, type: string) =>
  status?.conditions.find(condition => condition.type === type)?.status
const isReady = async ({ controlled }: World, name: string) =>
  conditionOf(await controlled.status(name), 'Ready') === 'True'

/** Whether the broker keeps a session of the function `count`. Looking takes it from its owner. */
async function hasSession({ controlled }: World, name: string): Promise<boolean> {
  const connection = await wireTransport(controlled.brokerUrl).connect({
    clientId: sessionId(name, 'count', 0),
    clean: false,
    onMessage() {},
    onClose() {},
  })
  await connection.close()
  return connection.sessionPresent
}

/** Topics of everything that the broker retains of a flow. */
async function retainedOf({ controlled }: World, name: string): Promise<string[]> {
  const found: string[] = []
  await readRetained(wireTransport(controlled.brokerUrl), [`dyninka/${name}/#`], {
    patienceMs: 0,
    take(topic) {
      found.push(topic)
      return false
    },
  })
  return found
}

Several('run side by side', async world => {
  await until('both are ready', async () => (await isReady(world, 'a')) && (await isReady(world, 'b')))
  assert.ok((await retainedOf(world, 'a')).length > 3)
})

Several('do not hold each other up: one that is wrong stalls alone', async world => {
  const before = (await world.controlled.status('b'))!.revision
  await world.repository.publish({ 'a/dataflow.yaml': 'nonsense: [', 'b/README.md': 'words\n' })
  await until(
    'a is stalled',
    async () => conditionOf(await world.controlled.status('a'), 'Stalled') === 'True',
  )
  await until(
    'b goes on',
    async () => (await world.controlled.status('b'))!.revision !== before && (await isReady(world, 'b')),
  )
  assert.ok((await world.controlled.status('a'))!.functions.every(({ phase }) => phase === 'Running'))
  await world.repository.publish({ 'a/dataflow.yaml': flow('a') })
  await until(
    'a recovers',
    async () => conditionOf(await world.controlled.status('a'), 'Stalled') === 'False',
  )
})

Several('may not have one name: the second is refused', async world => {
  await world.repository.publish({ 'c/dataflow.yaml': flow('a'), 'c/count.ts': count })
  await until('it is refused', async () => {
    const { dataflows } = await world.controlled.get<{ dataflows: DataflowStatus[] }>('/api/status')
    return dataflows.some(({ folder, findings }) => folder === 'c' && findings[0]?.code === 'name-taken')
  })
  await world.repository.publish({ 'c/dataflow.yaml': null, 'c/count.ts': null })
  await until(
    'all is well',
    async () => (await isReady(world, 'a')) && (await world.controlled.status('c')) === undefined,
  )
})

Several('keep their hosts when they move to another folder', async world => {
  const pidsOf = async (name: string) =>
    (await world.controlled.status(name))!.functions.map(({ hosts }) => hosts.map(({ pid }) => pid))
  const before = await pidsOf('b')
  await world.repository.publish({
    'b/dataflow.yaml': null,
    'b/count.ts': null,
    'moved/dataflow.yaml': flow('b'),
    'moved/count.ts': count,
  })
  await until(
    'it moved',
    async () => (await world.controlled.status('b'))?.folder === 'moved' && (await isReady(world, 'b')),
  )
  const after = await pidsOf('b')
  assert.equal(
    [after[0], after[2]],
    [before[0], before[2]],
    'source and sink; the path of a function is part of its source map',
  )
})

Several('leave nothing behind when they are removed', async world => {
  assert.ok(await hasSession(world, 'a'), 'what must be gone is there before')
  await world.repository.publish({ 'a/dataflow.yaml': null, 'a/count.ts': null })
  await until('it is gone', async () => (await world.controlled.status('a')) === undefined)
  assert.not.ok(world.controlled.processes().some(({ record }) => record.includes('/hosts/a/')))
  assert.equal(await retainedOf(world, 'a'), [])
  assert.not.ok(await hasSession(world, 'a'))
  assert.ok(await isReady(world, 'b'))
})

Several('are kept when the branch is gone', async world => {
  await world.repository
    .git('push', '--quiet', 'origin', ':main')
    .catch(() =>
      world.repository.git('--git-dir', world.repository.bare, 'update-ref', '-d', 'refs/heads/main'),
    )
  await until('the source says so', async () => {
    const { source } = await world.controlled.get<{ source: { trouble?: { hint: string } } }>('/api/status')
    return source.trouble !== undefined && source.trouble.hint !== ''
  })
  assert.ok(await isReady(world, 'b'))
})

Several.run()
