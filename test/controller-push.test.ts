import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Push = suite<World>('git push')

const flow = (from = 'first') => `apiVersion: dyninka.dev/v1
name: pushed
sources:
  tick: { every: 100ms }
functions:
  first: { code: functions/first.ts, from: tick }
  second: { code: functions/second.ts, from: ${from} }
sinks:
  out: { from: second, log: {} }
`
const code = (name: string, value: number) =>
  `export default function ${name}(): { ${name}: number } { return { ${name}: ${value} } }\n`

Push.before(async context => {
  context.repository = await makeRepository()
  await context.repository.publish({
    'dataflow.yaml': flow(),
    'functions/first.ts': code('first', 1),
    'functions/second.ts': code('second', 1),
  })
  context.controlled = await Controlled.over({ repo: context.repository.bare, branch: 'main' })
})
Push.after(async ({ controlled, repository }) => {
  await controlled.remove()
  await repository.remove()
})

const logged = async ({ controlled }: World, text: string) =>
  (await (await fetch(`${controlled.url}/api/logs?function=out&lines=5`)).text()).includes(text)

Push('deploys the dataflow, and records flow', async world => {
  const { functions, revision } = await world.controlled.ready()
  assert.match(revision, /^main@sha1:[0-9a-f]{40}$/)
  assert.equal(
    functions.map(({ phase }) => phase),
    ['Running', 'Running', 'Running', 'Running'],
  )
  await until('a record arrives', () => logged(world, '"second":1'))
})

Push('swaps the one function that changed, and the others keep their process', async world => {
  const before = await world.controlled.pids()
  const commit = await world.repository.publish({ 'functions/second.ts': code('second', 2) })
  const { history } = await world.controlled.ready(commit)
  await until('the new code works', () => logged(world, '"second":2'))
  const after = await world.controlled.pids()
  assert.is.not(after.second, before.second)
  assert.equal({ ...after, second: 0 }, { ...before, second: 0 })
  assert.equal(history.at(-1)?.built, ['second'])
  assert.equal(history.at(-1)?.applied, ['second'])
})

Push('applies nothing for a commit that touches no function', async world => {
  const before = await world.controlled.pids()
  const commit = await world.repository.publish({ 'README.md': 'words\n' })
  const { history } = await world.controlled.ready(commit)
  assert.equal(await world.controlled.pids(), before)
  assert.equal([history.at(-1)?.built, history.at(-1)?.applied], [[], []])
})

Push('rewires an edge without a restart of anything but the new function', async world => {
  const before = await world.controlled.pids()
  const commit = await world.repository.publish({
    'dataflow.yaml': flow('between').replace(
      'functions:\n',
      'functions:\n  between: { code: functions/between.ts, from: first }\n',
    ),
    'functions/between.ts': code('between', 1),
  })
  await world.controlled.ready(commit)
  const { between, ...others } = await world.controlled.pids()
  assert.ok(between)
  assert.equal(others, before)
  const { edges } = await world.controlled.get<{ edges: { from: string; to: string }[] }>('/api/graph')
  assert.equal(edges.map(({ from, to }) => `${from}-${to}`).toSorted(), [
    'between-second',
    'first-between',
    'second-out',
    'tick-first',
  ])
})

Push(
  'refuses a bad revision with all its findings, and the next good one recovers by itself',
  async world => {
    const before = await world.controlled.pids()
    await world.repository.publish({
      'dataflow.yaml': `${flow('nowhere')}  bad: { from: second, logg: {} }\n`,
    })
    await until('it is stalled', async () => {
      const status = await world.controlled.status()
      return status!.conditions.some(({ type, status }) => type === 'Stalled' && status === 'True')
    })
    const { findings } = (await world.controlled.status())!
    assert.ok(findings.length >= 2)
    assert.ok(findings.every(({ file, line, hint }) => file === 'dataflow.yaml' && line > 0 && hint))
    assert.equal(await world.controlled.pids(), before, 'what ran before keeps running')
    const commit = await world.repository.publish({ 'dataflow.yaml': flow() })
    const { conditions } = await world.controlled.ready(commit)
    assert.is(conditions.find(({ type }) => type === 'Stalled')?.status, 'False')
  },
)

Push('leaves nothing behind of a function that was removed', async world => {
  const { between } = await world.controlled.functions()
  assert.is(between, undefined)
  await until(
    'its process is gone',
    () => !world.controlled.processes().some(({ id }) => id.startsWith('between')),
  )
  const observed = await world.controlled.get<{ sessions: object; wirings: object }>('/api/observed')
  await until(
    'its wiring is gone',
    () => !('between' in observed.wirings) && !('between' in observed.sessions),
  )
})

Push('keeps the old code working when the new one does not start, and says why', async world => {
  const before = await world.controlled.pids()
  await world.repository.publish({
    'functions/second.ts': `throw new Error('no luck today')\n${code('second', 3)}`,
  })
  await until(
    'it failed',
    async () => (await world.controlled.functions()).second?.phase === 'Failed',
    undefined,
    10_000,
  )
  const { second } = await world.controlled.functions()
  assert.match(second!.message ?? '', 'no luck today')
  assert.match(second!.message ?? '', 'second.ts:1')
  assert.ok(second!.hosts.some(({ pid }) => pid === before.second))
  assert.ok(await logged(world, '"second":2'))
})

Push('keeps the last good build of a function that cannot be built', async world => {
  await world.repository.publish({
    'functions/second.ts': "import { x } from './missing.ts'\nexport default () => ({ second: x })\n",
    'functions/first.ts': code('first', 2),
  })
  await until('it says so', async () => {
    const status = await world.controlled.status()
    return status!.findings.some(({ file, line }) => file === 'functions/second.ts' && line === 1)
  })
  const commit = await world.repository.publish({ 'functions/second.ts': code('second', 4) })
  await world.controlled.ready(commit)
  await until('the new code works', () => logged(world, '"second":4'))
})

Push('tells of a host that came back the time since it ended, not since the push', async ({ controlled }) => {
  const { out } = await controlled.pids()
  const readies = () => controlled.events.filter(event => event.type === 'ready')
  const before = readies().length
  const killedAt = performance.now()
  process.kill(out!, 'SIGKILL')
  await until('it is told', () => readies().length > before)
  assert.ok(readies().at(-1)!.ms <= performance.now() - killedAt)
})

Push.run()
