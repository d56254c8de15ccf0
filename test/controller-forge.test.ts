import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { TestForge } from './support/forge/forge.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  server: GitServer
  forge: TestForge
  controlled: Controlled
}

const Forge = suite<World>('statuses of commits')
const context = 'dyninka/climate'

const flow = `apiVersion: dyninka.dev/v1
name: climate
sources:
  tick: { every: 100ms }
functions:
  first: { code: functions/first.ts, from: tick }
sinks:
  out: { from: first, log: {} }
`
const code = (value: number) => `export default function first(): { n: number } { return { n: ${value} } }\n`

/** Never starts. */
const endless = `${code(0)}export const setup = () => new Promise<void>(done => setTimeout(done, 3_600_000))\n`

Forge.before(async world => {
  world.repository = await makeRepository('ada/climate')
  world.server = await startGitServer(world.repository.root)
  world.forge = await TestForge.start()
  await world.repository.publish({ 'flows/dataflow.yaml': flow, 'flows/functions/first.ts': code(1) })
  world.controlled = await Controlled.over({
    repo: `${world.server.url}/ada/climate.git`,
    intervalMs: 500,
    forge: { type: 'github', url: world.forge.url, auth: { token: world.forge.token } },
  })
})
Forge.after.each(({ forge }) => {
  assert.equal(forge.faults.splice(0), [])
})
Forge.after(async ({ controlled, forge, server, repository }) => {
  await controlled.remove()
  await forge.stop()
  await server.stop()
  await repository.remove()
})

const head = async ({ repository }: World) => (await repository.git('rev-parse', 'HEAD')).trim()

const untilSaid = ({ forge }: Pick<World, 'forge'>, commit: string, what: string | RegExp) =>
  until(
    `the forge is told of ${what}`,
    () => {
      const last = forge.said(commit, context).at(-1) ?? ''
      return typeof what === 'string' ? last === what : what.test(last)
    },
    () => JSON.stringify(forge.statuses, null, 1),
  )

const unreported = async ({ controlled }: World) =>
  (await controlled.status())?.conditions.find(({ type }) => type === 'Unreported')

const runs = 'success: all of it runs (1 function, 1 source, 1 sink)'

Forge('say of a commit that it is on its way, and that it runs', async world => {
  const commit = await head(world)
  await untilSaid(world, commit, runs)
  const said = world.forge.said(commit, context)
  assert.match(said[0]!, 'pending: ')
  assert.is(new Set(said).size, said.length, said.join('\n'))
})

Forge('say what is wrong with one, and where', async world => {
  const commit = await world.repository.publish({ 'flows/functions/first.ts': 'export default function (' })
  await untilSaid(world, commit, /^failure: functions\/first.ts:1: /)
  const { url } = world.forge.statuses.findLast(status => status.commit === commit)!
  assert.is(url, `${world.server.url}/ada/climate/blob/${commit}/flows/functions/first.ts#L1`)
  await untilSaid(world, await world.repository.publish({ 'flows/functions/first.ts': code(2) }), runs)
})

Forge('say which function does not start, and lead to its code', async world => {
  const broken = `${code(0)}export const setup = () => { throw new Error('no sensor') }\n`
  const commit = await world.repository.publish({ 'flows/functions/first.ts': broken })
  await untilSaid(world, commit, /^failure: first: its host ended/)
  const { url } = world.forge.statuses.findLast(status => status.commit === commit)!
  assert.is(url, `${world.server.url}/ada/climate/blob/${commit}/flows/functions/first.ts#L1`)
  await untilSaid(world, await world.repository.publish({ 'flows/functions/first.ts': code(2) }), runs)
})

Forge('are not said again by the next controller', async world => {
  const before = world.forge.statuses.length
  await world.controlled.kill()
  await world.controlled.start()
  await untilSaid(world, await world.repository.publish({ 'README.md': 'words' }), runs)
  const again = world.forge.statuses
    .slice(before)
    .filter(({ commit }) => commit !== world.forge.statuses.at(-1)!.commit)
  assert.equal(again, [])
})

Forge('hold up nothing while the forge is in trouble, and come later', async world => {
  const { forge, controlled, repository } = world
  forge.trouble = () => ({ status: 502, body: 'bad gateway' })
  const commit = await repository.publish({ 'flows/functions/first.ts': code(3) })
  await controlled.ready(commit)
  await until('it is said', async () => (await unreported(world))?.reason === 'ForgeUnreachable')
  forge.trouble = () => ({
    status: 403,
    body: {},
    headers: { 'x-accepted-github-permissions': 'statuses=write' },
  })
  await until(
    'what is new is said',
    async () => (await unreported(world))?.reason === 'ForgePermissionMissing',
  )
  assert.match((await unreported(world))?.hint ?? '', 'statuses=write')
  assert.equal(
    controlled.events.flatMap(event => (event.type === 'report-failed' ? [event.reason] : [])),
    ['ForgeUnreachable', 'ForgePermissionMissing'],
  )
  forge.trouble = () => undefined
  await untilSaid(world, commit, runs)
  await until('it is said no more', async () => !(await unreported(world)))
})

Forge('say of a commit that another one came first', async world => {
  const { forge, repository } = world
  const commit = await repository.publish({ 'flows/functions/first.ts': endless })
  await untilSaid(world, commit, /^pending: /)
  const next = await repository.publish({ 'flows/functions/first.ts': code(4) })
  await untilSaid(world, next, runs)
  assert.equal(forge.said(commit, context).at(-1), `error: ${next.slice(0, 7)} came before all of it ran`)
})

Forge.run()
