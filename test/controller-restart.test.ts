import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync } from 'mqtt'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { readJson } from '../controller/atomic-file.ts'
import type { Observed } from '../controller/plan.ts'
import { identify } from '../controller/process-identity.ts'
import { topics } from '../schema/topics.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Restart = suite<World>('restart of the controller')

const flow = (functions: string) => `apiVersion: dyninka.dev/v1
name: kept
sources:
  tick: { every: 100ms }
functions:
${functions}
sinks:
  out: { from: last, log: {} }
`
const both = flow('  first: { code: first.ts, from: tick }\n  last: { code: last.ts, from: first }')
const code = (value: number) =>
  `export default function f(): { value: number } { return { value: ${value} } }\n`

Restart.before(async context => {
  context.repository = await makeRepository()
  await context.repository.publish({ 'dataflow.yaml': both, 'first.ts': code(1), 'last.ts': code(1) })
  context.controlled = await Controlled.over({ repo: context.repository.bare, silentMs: 2_500 })
})
Restart.after(async ({ controlled, repository }) => {
  await controlled.remove()
  await repository.remove()
})

Restart('adopts what runs: no host restarts', async ({ controlled }) => {
  await controlled.ready()
  const before = await controlled.pids()
  const broker = controlled.brokerUrl
  await controlled.kill()
  await controlled.start()
  await controlled.ready()
  assert.equal(await controlled.pids(), before)
  assert.is(controlled.brokerUrl, broker)
  assert.not.ok(controlled.events.some(({ type }) => type === 'started'))
})

Restart('keeps what runs running while the repository is away', async world => {
  const { controlled, repository } = world
  await controlled.ready()
  const before = await controlled.pids()
  await controlled.kill()
  process.kill(before.last!, 'SIGKILL')
  const { rename } = await import('node:fs/promises')
  await rename(repository.bare, `${repository.bare}.away`)
  await controlled.start()
  await until(
    'what was killed runs again',
    async () => (await controlled.functions()).last?.phase === 'Running',
  )
  const after = await controlled.pids()
  assert.is(after.first, before.first)
  await until('it says that it is away', async () => {
    const { source } = await controlled.get<{ source: { trouble?: object } }>('/api/status')
    return source.trouble !== undefined
  })
  await rename(`${repository.bare}.away`, repository.bare)
})

Restart('brings back a host that somebody killed, and ends one that nobody knows', async ({ controlled }) => {
  const before = await controlled.pids()
  process.kill(before.last!, 'SIGKILL')
  await until('it runs again', async () => {
    const { last } = await controlled.functions()
    return last?.phase === 'Running' && last.hosts[0]?.pid !== before.last
  })
  await controlled.kill()
  const { spawn } = await import('node:child_process')
  const stray = spawn(
    process.execPath,
    [
      '-e',
      'setInterval(() => {}, 1e6)',
      '--',
      `--record=${controlled.state}/hosts/kept/x-1-0.json`,
      '--id=x',
    ],
    { stdio: 'ignore' },
  )
  await controlled.start()
  await until('the stray is gone', () => stray.exitCode !== null || stray.signalCode !== null)
})

Restart('brings back the broker that somebody killed, and records flow again', async ({ controlled }) => {
  await controlled.ready()
  const before = await controlled.pids()
  const broker = readJson<{ pid: number }>(`${controlled.state}/broker.json`)!
  process.kill(broker.pid, 'SIGKILL')
  await until(
    'another one runs',
    () => readJson<{ pid: number }>(`${controlled.state}/broker.json`)!.pid !== broker.pid,
  )
  const response = await fetch(`${controlled.url}/api/tap?function=last&limit=3`)
  assert.is((await response.text()).trim().split('\n').length, 3)
  await controlled.ready()
  assert.equal(await controlled.pids(), before, 'no host restarts for it')
})

// As after a power cut: a broker that keeps what is retained had no time to say that they went.
Restart('tells hosts that others of the machine’s last life are gone', async ({ controlled }) => {
  await controlled.ready()
  const broker = await connectAsync(controlled.brokerUrl)
  const { presences } = await controlled.get<Observed>('/api/observed?flow=kept')
  for (const { function: node, ...presence } of presences)
    for (let i = 0; i < 8; i++) {
      const host = `${node}-1-0-ghost${i}`
      const ghost = JSON.stringify({ ...presence, host })
      await broker.publishAsync(topics.host('kept', node, host), ghost, { retain: true })
    }
  await broker.endAsync()
  await controlled.kill()
  for (const { pid } of controlled.processes()) process.kill(pid, 'SIGKILL')
  await controlled.start()
  await controlled.ready()
})

Restart('is refused while another controller has the state', async ({ controlled }) => {
  const { startController } = await import('../controller/controller.ts')
  const { pino } = await import('pino')
  const options = {
    repo: controlled.options.repo!,
    state: controlled.state,
    logger: pino({ level: 'silent' }),
  }
  await startController(options).then(
    () => assert.unreachable(),
    error => assert.is(error.reason, 'StateInUse'),
  )
  const file = readJson<{ pid: number }>(`${controlled.state}/controller.json`)!
  assert.ok(identify(file.pid), 'and the first goes on')
})

Restart('goes on where it was killed, whenever that was', async world => {
  const { controlled } = world
  for (const [i, delayMs] of [50, 350].entries()) {
    const commit = await world.repository.publish({ 'last.ts': code(i + 2) })
    await sleep(delayMs)
    await controlled.kill()
    await controlled.start()
    await controlled.ready(commit)
  }
  const commit = await world.repository.publish({
    'dataflow.yaml': flow('  last: { code: last.ts, from: tick }'),
  })
  await sleep(100)
  await controlled.kill()
  await controlled.start()
  await controlled.ready(commit)
  await until(
    'each node has one host',
    () => controlled.processes().length === 3,
    () => JSON.stringify(controlled.processes()),
  )
  const { sessions } = await controlled.get<{ sessions: object }>('/api/observed')
  assert.equal(Object.keys(sessions).toSorted(), ['last', 'out', 'tick'])
})

Restart('restarts a host whose event loop is blocked', async world => {
  const { controlled } = world
  const blocking = `let n = 0\nexport default function f(): { value: number } { if (++n === 3) for (;;); return { value: 9 } }\n`
  const commit = await world.repository.publish({ 'last.ts': blocking })
  await controlled.ready(commit)
  const before = await controlled.pids()
  await until(
    'it was killed and runs again',
    async () => {
      const { last } = await controlled.functions()
      return last!.hosts.at(-1)?.pid != null && last!.hosts.at(-1)!.pid !== before.last
    },
    undefined,
    10_000,
  )
})

Restart.run()
