import { join } from 'node:path'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Dataflow } from '../controller/dataflow.ts'
import { OctokitForge } from '../controller/forge/octokit-forge.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { Advisor } from '../controller/placement/advisor.ts'
import { gitSource, type Source } from '../controller/source/index.ts'
import type { TelemetryFile } from '../controller/telemetry/file.ts'
import { load } from '../schema/index.ts'
import { code, flow } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
import { contradicting } from './support/contradicting-flow.ts'
import { until } from './support/controlled.ts'
import { TestForge } from './support/forge/forge.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  server: GitServer
  forge: TestForge
  source: Source
  dataflow: Dataflow
  advisor: Advisor
  file: TelemetryFile
  events: ControllerEvent[]
}

const Advice = suite<World>('advisor')

/** The dataflow as a pass has left it: all of the newest commit runs. */
async function settle({ source, dataflow }: World): Promise<void> {
  const offered = await source.fetch(new AbortController().signal)
  const { flow, findings } = await load(join(offered.tree, 'flows'), { types: false })
  assert.equal(findings, [])
  dataflow.offered = offered
  dataflow.inventory = {
    v: 1,
    name: 'climate',
    folder: 'flows',
    revision: offered.id,
    flow: flow!,
    artifacts: {},
    runtime: { digest: '', path: '' },
    sessions: {},
    history: [],
  }
  dataflow.conditions.set('Ready', 'True', 'Running', 'all of it')
}

Advice.before.each(async world => {
  const repository = await makeRepository('ada/climate')
  const [server, forge] = [await startGitServer(repository.root), await TestForge.start()]
  const file = fileOf(busy, { broker: edge })
  Object.assign(world, { repository, server, forge, dataflow: new Dataflow('flows'), file, events: [] })
  const url = `${server.url}/ada/climate.git`
  await repository.publish({ 'flows/dataflow.yaml': flow('cloud'), 'flows/functions/filter.ts': code })
  world.source = gitSource({ url, cacheDir: join(repository.root, 'cache') })
  world.advisor = new Advisor({
    source: world.source,
    forge: new OctokitForge(url, { type: 'github', url: forge.url, auth: { token: forge.token } }),
    proposing: { labels: ['placement'] },
    brokerZones: {},
    everyMs: 500,
    telemetry: async () => world.file,
    log: pino({ level: 'silent' }),
    emit: event => void world.events.push(event),
  })
  await settle(world)
})
Advice.after.each(async ({ advisor, source, forge, server, repository }) => {
  await advisor.close()
  await source.close()
  await forge.stop()
  await server.stop()
  await repository.remove()
  assert.equal(forge.faults, [])
})

Advice('opens one pull request, and tells what came of it once it is merged', async world => {
  const { advisor, dataflow, forge, repository, events } = world
  advisor.after(dataflow)
  await until(
    'a pull request is there',
    () => forge.pulls.all.length > 0,
    () => JSON.stringify(dataflow.suggestion),
  )
  await until('the status says so', () => dataflow.suggestion?.state === 'unchanged')
  assert.equal(dataflow.suggestion!.moves, [{ function: 'filter', zone: 'edge', node: 'edge-1' }])
  const [pull] = forge.pulls.all
  assert.equal([pull!.title, pull!.labels], ['climate: move filter to edge', ['placement']])
  await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
  assert.is(await repository.git('show', 'FETCH_HEAD:flows/dataflow.yaml'), flow('edge'))
  assert.equal(
    events.map(({ type }) => type),
    ['suggested'],
  )

  await repository.git('merge', '--quiet', '--ff-only', 'FETCH_HEAD')
  await repository.push()
  Object.assign(pull!, { state: 'closed', isMerged: true })
  await settle(world)
  const moved = busy.map(window => ({
    ...window,
    functions: { ...window.functions, filter: { 'edge-1': window.functions.filter!['cloud-1']! } },
  }))
  const hosts = world.file.header.hosts.map(host =>
    host.function === 'filter' ? { ...host, node: 'edge-1' } : host,
  )
  world.file = fileOf(moved, { broker: edge, hosts })
  await until('it is told', () => pull!.comments.length > 0)
  assert.match(pull!.comments[0]!, /^Predicted: 370 saved an hour\. Since the merge: \*\*369\*\*/)
  await until('nothing is proposed any more', () => dataflow.suggestion === undefined)
  assert.is(pull!.comments.length, 1)
  assert.is(forge.pulls.all.length, 1)
})

Advice('says what keeps it from making one, and goes on once that is over', async world => {
  const { advisor, dataflow, forge } = world
  const whole = world.file
  world.file = { ...whole, windows: whole.windows.map(window => ({ ...window, roundTripMs: {} })) }
  advisor.after(dataflow)
  await until('it is said', () => dataflow.suggestion?.reason === 'BrokerUnplaced')
  world.file = whole
  forge.trouble = () => ({ status: 502, body: 'bad gateway' })
  await until('what is new is said', () => dataflow.suggestion?.reason === 'ForgeUnreachable')
  forge.trouble = () => undefined
  await until('a pull request is there', () => forge.pulls.all.length > 0)
})

Advice('says on which lines rules are that can not all hold, until they can', async world => {
  const { advisor, dataflow, repository } = world
  await repository.publish({ 'flows/dataflow.yaml': contradicting })
  await settle(world)
  advisor.after(dataflow)
  await until('it is said', () => dataflow.suggestion?.reason === 'RulesContradict')
  const { state, message } = dataflow.suggestion!
  assert.is(state, 'failed')
  assert.match(message!, 'flows/dataflow.yaml:11:34')
  assert.match(message!, 'No placement has all of this: ')
  await repository.publish({ 'flows/dataflow.yaml': flow('cloud') })
  await settle(world)
  await until('it is so no more', () => dataflow.suggestion?.reason !== 'RulesContradict')
})

Advice('proposes nothing for what is not as its repository says, nor from few figures', async world => {
  const { advisor, dataflow, forge } = world
  dataflow.conditions.set('Ready', 'False', 'Progressing', 'on its way')
  advisor.after(dataflow)
  await until('it was looked at', () => true)
  world.file = fileOf(busy.slice(0, 2), { broker: edge })
  dataflow.conditions.set('Ready', 'True', 'Running', 'all of it')
  const asked = forge.requests.length
  await until('it was advised', () => forge.requests.length > asked) // whether something merged is to be told of
  assert.is(forge.pulls.all.length, 0)
  assert.is(dataflow.suggestion, undefined)
})

Advice.run()
