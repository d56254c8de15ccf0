import { spawnSync } from 'node:child_process'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

const Pinned = suite<{ repository: Repository; controlled: Controlled }>('a function that does not start')

const yaml = `apiVersion: dyninka.dev/v1
name: steady
sources:
  tick: { every: 1s }
functions:
  first: { code: first.ts, from: tick }
  second: { code: second.ts, from: first, concurrency: 1 }
`
const code = (n: number) => `export default function f(value: object) { return { value, n: ${n} } }\n`
const bad = (n: number) => `${code(n)}export function setup() { throw new Error('no database ${n}') }\n`

Pinned.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({ 'dataflow.yaml': yaml, 'first.ts': code(1), 'second.ts': code(1) })
  world.controlled = await Controlled.over({ repo: world.repository.bare, pinAfterMs: 8_000 })
  await world.controlled.ready()
})
Pinned.after(async ({ controlled, repository }) => {
  await controlled?.remove()
  await repository.remove()
})

const condition = async (controlled: Controlled, type: string) => {
  const { conditions = [] } = (await controlled.status()) ?? {}
  const found = conditions.find(condition => condition.type === type)
  return found && `${found.status} ${found.reason}`
}
const isPinned = (controlled: Controlled) => () =>
  condition(controlled, 'Stalled').then(told => told === 'True FunctionPinned')
const processes = (controlled: Controlled) =>
  controlled
    .processes()
    .map(({ pid }) => pid)
    .toSorted()

let running: number[] = []

Pinned('is given up in time, and what ran goes on', async ({ repository, controlled }) => {
  const before = processes(controlled)
  await repository.publish({ 'first.ts': bad(2) })
  await until('it is pinned', isPinned(controlled), () => JSON.stringify(controlled.events), 60_000)
  await until('what failed is gone', () => processes(controlled).length === 3, undefined, 60_000)
  assert.equal(processes(controlled), before)
  assert.is(await condition(controlled, 'Ready'), 'False FunctionPinned')
  await until(
    'nothing is on its way',
    async () => (await condition(controlled, 'Reconciling')) === 'False Waiting',
  )
  const { first } = await controlled.functions()
  assert.match(first!.message!, /pinned to what ran before main@sha1:\w{7}, until a commit changes it/)
  assert.match(first!.message!, 'no database 2')
  assert.is(controlled.events.filter(({ type }) => type === 'pinned').length, 1)
  const { history } = (await controlled.status())!
  assert.is(history.at(-1)!.result, 'Failed')
  running = processes(controlled)
})

Pinned('is told by `dyninka status`, with what to do', async ({ controlled }) => {
  const { stdout } = spawnSync(process.execPath, ['cli/main.ts', 'status', '--state', controlled.state], {
    encoding: 'utf8',
  })
  assert.match(stdout, 'Stalled (FunctionPinned)')
  assert.match(stdout, /first: pinned to what ran before main@sha1:\w{7}/)
  assert.match(stdout, 'mend it and push')
  assert.match(stdout, 'no database 2')
})

Pinned(
  'is not tried by the next controller, nor by a commit that does not touch it',
  async ({ repository, controlled }) => {
    await controlled.kill()
    await controlled.start()
    await until('it is still pinned', isPinned(controlled), undefined, 60_000)
    assert.equal(processes(controlled), running)
    const other = { 'dataflow.yaml': yaml.replace('concurrency: 1', 'concurrency: 2') }
    const commit = await repository.publish(other)
    await until('the commit is taken', async () => (await controlled.status())!.revision.includes(commit))
    await until('it is still pinned', isPinned(controlled))
    assert.not(controlled.events.some(({ type }) => type === 'started'))
    assert.equal(processes(controlled), running)
  },
)

Pinned('is tried again when somebody asks for it', async ({ controlled }) => {
  await controlled.post('/api/reconcile')
  await until('it is tried', () =>
    controlled.events.some(event => event.type === 'started' && event.function === 'first'),
  )
  assert.is.not(await condition(controlled, 'Stalled'), 'True FunctionPinned')
})

Pinned('runs with the next commit that changes it', async ({ repository, controlled }) => {
  const before = await controlled.pids()
  await controlled.ready(await repository.publish({ 'first.ts': code(4) }), 60_000)
  assert.is.not((await controlled.pids()).first, before.first)
  assert.is(await condition(controlled, 'Stalled'), 'False ValidRevision')
})

Pinned('goes on as it is when the commit is taken back', async ({ repository, controlled }) => {
  await until('what was replaced is gone', () => processes(controlled).length === 3, undefined, 60_000)
  const before = processes(controlled)
  const events = controlled.events.length
  await repository.publish({ 'first.ts': bad(5) })
  const fails = () =>
    controlled.events.slice(events).some(({ type }) => type === 'failed' || type === 'pinned')
  await until('it fails', fails, undefined, 60_000)
  await controlled.ready(await repository.publish({ 'first.ts': code(4) }), 60_000)
  await until('what failed is gone', () => processes(controlled).length === 3, undefined, 60_000)
  assert.equal(processes(controlled), before)
})

Pinned.run()
