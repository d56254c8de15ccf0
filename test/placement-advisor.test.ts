import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { verdictsOn } from '../controller/adaptation/homecoming.ts'
import { refugeOf, staying } from '../controller/adaptation/refuge.ts'
import { situationOf } from '../controller/placement/situation/situation.ts'
import { Advised } from './support/advised.ts'
import { flow } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
import { contradicting } from './support/contradicting-flow.ts'
import { until } from './support/controlled.ts'

const Advice = suite<{ world: Advised }>('advisor')

Advice.before.each(async context => {
  context.world = await Advised.start()
})
Advice.after.each(({ world }) => world.close())

Advice('opens one pull request, and tells what came of it once it is merged', async ({ world }) => {
  const { dataflow, forge, repository, events } = world
  world.look()
  await world.proposed()
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
  await world.settle()
  world.moveFilter()
  await until('it is told', () => pull!.comments.length > 0, undefined, 60_000)
  assert.match(pull!.comments[0]!, /^Predicted: 370 saved an hour\. Since the merge: \*\*369\*\*/)
  await until('nothing is proposed any more', () => dataflow.suggestion === undefined)
  assert.is(pull!.comments.length, 1)
  assert.is(forge.pulls.all.length, 1)
})

Advice('says what keeps it from making one, and goes on once that is over', async ({ world }) => {
  const whole = world.file
  world.file = { ...whole, windows: whole.windows.map(window => ({ ...window, roundTripMs: {} })) }
  world.look()
  await world.says('BrokerUnplaced')
  world.file = whole
  world.forge.trouble = () => ({ status: 502, body: 'bad gateway' })
  await world.says('ForgeUnreachable')
  world.forge.trouble = () => undefined
  await world.proposed()
})

Advice('says on which lines rules are that can not all hold, until they can', async ({ world }) => {
  const { dataflow, repository } = world
  await repository.publish({ 'flows/dataflow.yaml': contradicting })
  await world.settle()
  world.look()
  await world.says('RulesContradict')
  const { state, message } = dataflow.suggestion!
  assert.is(state, 'failed')
  assert.match(message!, 'flows/dataflow.yaml:11:34')
  assert.match(message!, 'No placement has all of this: ')
  await repository.publish({ 'flows/dataflow.yaml': flow('cloud') })
  await world.settle()
  await until('it is so no more', () => dataflow.suggestion?.reason !== 'RulesContradict')
})

Advice('proposes nothing for what is not as its repository says, nor from few figures', async ({ world }) => {
  const { dataflow, forge } = world
  dataflow.conditions.set('Ready', 'False', 'Progressing', 'on its way')
  world.look()
  await until('it was looked at', () => true)
  world.file = fileOf(busy.slice(0, 2), { broker: edge })
  dataflow.conditions.set('Ready', 'True', 'Running', 'all of it')
  const asked = forge.requests.length
  await until('it was advised', () => forge.requests.length > asked, undefined, 60_000) // whether something merged is to be told of
  await world.says('TelemetryMissing')
  assert.match(dataflow.suggestion!.message!, 'there are 2 windows of telemetry; 5 are asked for')
  assert.is(forge.pulls.all.length, 0)
})

Advice(
  'says that nothing was measured, or not for long, and takes nothing back for that',
  async ({ world }) => {
    const { dataflow, forge } = world
    const whole = world.file
    world.file = fileOf([], { broker: edge })
    world.look()
    await world.says('TelemetryMissing')
    assert.is(dataflow.suggestion!.state, 'failed')
    world.file = whole
    await world.proposed()
    const { url } = dataflow.suggestion!
    const anHourLater = new Date(Date.parse(whole.header.at) + 3_600_000).toISOString()
    world.file = { ...whole, header: { ...whole.header, at: anHourLater } }
    await world.says('TelemetryStale')
    assert.match(dataflow.suggestion!.message!, /what was measured is 60 min old; 10 min are taken/)
    assert.equal([dataflow.suggestion!.state, dataflow.suggestion!.url], ['held', url])
    // As after the controller has lost what it had, and hosts have yet to tell.
    world.file = fileOf(
      busy.slice(0, 2).map(window => ({ ...window, edges: {}, outside: {} })),
      { broker: edge },
    )
    await world.says('TelemetryMissing')
    assert.is(dataflow.suggestion!.url, url)
    assert.equal([forge.pulls.all.length, forge.pulls.all[0]!.state], [1, 'open'])
    world.file = whole
    await world.proposed()
  },
)

for (const [by, what] of [
  ['moves', { zone: 'cloud', by: 'move', reason: 'moved by hand' }],
  ['switches', { zone: 'cloud', by: 'when', reason: 'battery < 20%' }],
  [
    'refuges',
    {
      zone: 'cloud',
      by: 'failure',
      reason: 'node edge-1 is drained',
      kind: 'drained',
      instead: { zone: 'edge' },
    },
  ],
] as const) {
  Advice(`says nothing new while something is elsewhere on purpose: ${by}`, async ({ world }) => {
    world.look()
    await world.proposed()
    Object.assign(world.dataflow.inventory!, { [by]: { filter: { ...what, at: new Date().toISOString() } } })
    await world.says('NotSettled')
    assert.match(world.dataflow.suggestion!.message!, 'filter is not where its file says, for now')
    assert.is(world.forge.pulls.all[0]!.state, 'open')
    delete world.dataflow.inventory![by]
    await world.proposed()
    assert.is(world.forge.pulls.all.length, 1)
  })
}

/** The filter fled from the cloud to the edge, where it costs less: it could go back. */
function fled(world: Advised) {
  world.moveFilter()
  const { file } = world
  const situation = situationOf(file, world.dataflow.inventory!.flow)
  const exile = { name: 'filter', sharers: ['filter'], homes: ['cloud-1'], home: 'zone cloud' }
  const verdict = verdictsOn(situation, [exile]).verdicts.get('filter')!
  assert.ok(!verdict.goes)
  world.dataflow.inventory!.refuges = {
    filter: {
      ...{ zone: 'edge', by: 'failure', kind: 'lost', reason: 'node cloud-1 does not answer' },
      ...{ at: new Date().toISOString(), instead: { zone: 'cloud' }, stays: verdict.stay },
    },
  }
  world.file = { ...file, header: { ...file.header, homes: staying(world.dataflow.inventory!) } }
  return verdict.stay
}

Advice(
  'proposes that what stays elsewhere has its place there, for as much as it stays for',
  async ({ world }) => {
    const { dataflow, forge, repository } = world
    const { costsMore, says } = fled(world)
    assert.equal(world.file.header.homes, { filter: 'cloud-1' })
    assert.match(says, /^going back to zone cloud would cost 3\d\d an hour more$/)
    world.look()
    await world.proposed()
    const { moves, savesPerHour } = dataflow.suggestion!
    assert.equal(moves, [{ function: 'filter', zone: 'edge', node: 'edge-1' }])
    assert.ok(Math.abs(savesPerHour! - costsMore) < 0.01 * costsMore, `${savesPerHour} and ${costsMore}`)
    const [pull] = forge.pulls.all
    assert.match(pull!.body, 'is elsewhere since, as going back does not pay: `filter`')
    await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
    assert.is(await repository.git('show', 'FETCH_HEAD:flows/dataflow.yaml'), flow('edge'))

    const refuges = dataflow.inventory!.refuges!
    await repository.git('merge', '--quiet', '--ff-only', 'FETCH_HEAD')
    await repository.push()
    Object.assign(pull!, { state: 'closed', isMerged: true })
    await world.settle()
    const [, filter] = dataflow.inventory!.flow.nodes
    assert.is(refugeOf(filter!, refuges), undefined, 'it is where it is decided to be')
    dataflow.inventory!.refuges = refuges
    assert.equal(staying(dataflow.inventory!), {})
    delete dataflow.inventory!.refuges
    const { homes: _, ...header } = world.file.header
    world.file = { ...world.file, header }
    await until('it is told', () => pull!.comments.length > 0, undefined, 60_000)
    await until('nothing is proposed any more', () => dataflow.suggestion === undefined)
    assert.is(forge.pulls.all.length, 1)
  },
)

Advice('does not suggest that what went back since that pays leaves again', async ({ world }) => {
  const { dataflow, forge } = world
  await world.repository.publish({ 'flows/dataflow.yaml': flow('edge') })
  await world.settle()
  const exile = { name: 'filter', sharers: ['filter'], homes: ['edge-1'], home: 'zone edge' }
  const verdict = verdictsOn(situationOf(world.file, dataflow.inventory!.flow), [exile]).verdicts.get(
    'filter',
  )!
  assert.ok(verdict.goes)
  world.moveFilter()
  world.look()
  const asked = forge.requests.length
  await until('it was advised', () => forge.requests.length > asked, undefined, 60_000)
  assert.is(forge.pulls.all.length, 0)
  assert.is(dataflow.suggestion, undefined)
})

Advice.run()
