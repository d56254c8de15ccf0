import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { ForgeOptions } from '../controller/forge/forge.ts'
import { markerIn } from '../controller/forge/marker.ts'
import { replayCommand } from '../controller/placement/attachment.ts'
import { author } from '../controller/source/index.ts'
import { writeTelemetry } from '../controller/telemetry/file.ts'
import { Advised } from './support/advised.ts'
import { cli } from './support/cli.ts'
import { flow } from './support/climate-flow.ts'
import { busy, edge, fileOf, windowOf } from './support/climate-telemetry.ts'
import { until } from './support/controlled.ts'

const Bring = suite<{ world: Advised }>('pull requests, and what they bring')

Bring.before.each(async context => {
  context.world = await Advised.start()
})
Bring.after.each(({ world }) => world.close())

const path = 'flows/dataflow.yaml'
const branch = 'dyninka/climate'

Bring('bring their telemetry, from which anybody has the same answer', async ({ world }) => {
  const { repository, forge } = world
  world.look()
  await world.proposed()
  const [pull] = forge.pulls.all
  for (const part of [
    /^Moves `filter` from cloud to edge\./,
    /Saves [\d.]+ an hour\*\* \(between [\d.]+ and [\d.]+ with 90 % confidence/,
    /Moving costs [\d.]+ once/,
    /and none costs less than/,
    /### What it costs an hour\n\n\| {2}\| now \| then \|/,
    /### Before\n\n```mermaid/,
    /### After\n\n```mermaid/,
    /### Edges that change\n\n\| edge \| producer → broker → consumer/,
    /### What comes second\n\n`\w+` in \w+/,
    /### To undo it\n\nRevert the merge/,
    /### To replay it\n\n`dyninka suggest --telemetry climate\.telemetry\.jsonl`/,
  ])
    assert.match(pull!.body, part)
  const [, ref] = /^git fetch origin (\S+)$/m.exec(pull!.body)!
  const [, file] = /^git show FETCH_HEAD:(\S+) > /m.exec(pull!.body)!
  assert.is(await repository.git('diff', '--name-only', 'main', `origin/${branch}`).catch(() => path), path)
  await repository.git('fetch', '--quiet', 'origin', ref!)
  const told = await repository.git('show', `FETCH_HEAD:${file}`)
  const commit = (await repository.git('rev-parse', 'FETCH_HEAD')).trim()
  assert.match(pull!.body, `${world.server.url}/ada/climate/blob/${commit}/${file}`)
  assert.is(
    await repository.git('log', '--format=%ce', 'FETCH_HEAD'),
    `${author.email}\n`,
    'it has no history',
  )
  const copy = join(repository.root, file!)
  await writeFile(copy, told)
  const { stdout, stderr } = await cli(['suggest', 'flows', '--telemetry', copy, '--json'], {
    cwd: repository.work,
  })
  assert.is(JSON.parse(stdout || `{"stderr":${JSON.stringify(stderr)}}`).digest, markerIn(pull!.body)!.digest)
  const another = await cli(['suggest', 'flows', '--telemetry', copy, '--format', 'markdown'], {
    cwd: repository.work,
  })
  const [mine, theirs] = [another.stdout, pull!.body].map(text =>
    text.slice(text.indexOf('Moves'), text.indexOf('### To undo')),
  )
  assert.is(mine, theirs, 'and the same figures')
})

Bring('say all that the answer depends on beside the telemetry', async ({ world }) => {
  const { repository, forge } = world
  await world.advisor.close()
  const rules = { windows: 3, threshold: 0.01, cooldownMs: 60_000 }
  world.advisorWith({ proposing: { rules, horizonHours: 100 } })
  world.file = fileOf(busy.slice(0, 4), { broker: edge })
  world.look()
  await world.proposed()
  const { body } = forge.pulls.all[0]!
  const [, command] = /`dyninka (suggest .*)` gives the same answer/.exec(body)!
  assert.is(
    command,
    'suggest --telemetry climate.telemetry.jsonl --holding 3 --threshold 1 --cooldown 60s --horizon 100h',
  )
  const mine = { rules: { cooldownMs: 0 }, maxMoves: 2 }
  assert.is(
    replayCommand({ flow: 'a' }, { '': 'edge' }, mine),
    'a.telemetry.jsonl --broker-zone edge --cooldown 0s --max-moves 2',
  )
  const copy = join(repository.root, 'climate.telemetry.jsonl')
  await writeFile(copy, writeTelemetry(world.file, false))
  const { stdout, stderr } = await cli(
    [...command!.replace('climate.telemetry.jsonl', copy).split(' '), 'flows', '--json'],
    { cwd: repository.work },
  )
  assert.is(JSON.parse(stdout || `{"stderr":${JSON.stringify(stderr)}}`).digest, markerIn(body)!.digest)
})

const attached = (world: Advised) => world.refs('refs/dyninka/telemetry/*')

Bring('keep the telemetry of what is open alone', async ({ world }) => {
  const { forge } = world
  world.look()
  await world.proposed()
  const [first] = await attached(world)
  // Twice as much: it is said anew.
  world.file = fileOf(
    busy.map((_, n) => windowOf(n, 2e9)),
    { broker: edge },
  )
  await until(
    'it is of what is said now',
    async () => {
      const [ref, ...more] = await attached(world)
      return ref !== first && more.length === 0
    },
    undefined,
    60_000,
  )
  const [ref] = await attached(world)
  assert.is(markerIn(forge.pulls.all[0]!.body)!.telemetry, ref)
  forge.pulls.all[0]!.state = 'closed'
  await until('it goes with it', async () => (await attached(world)).length === 0, undefined, 60_000)
})

Bring('keep the telemetry of what was merged until it is told what came of it', async ({ world }) => {
  const { forge, repository } = world
  world.look()
  await world.proposed()
  await repository.git('fetch', '--quiet', 'origin', branch)
  await repository.git('merge', '--quiet', '--ff-only', 'FETCH_HEAD')
  await repository.push()
  Object.assign(forge.pulls.all[0]!, { state: 'closed', isMerged: true })
  const few = fileOf(busy.slice(0, 2), { broker: edge })
  world.file = few
  await world.settle()
  const asked = forge.requests.length
  await until('it is looked at', () => forge.requests.length > asked + 4, undefined, 60_000)
  assert.is((await attached(world)).length, 1)
  world.moveFilter()
  await until('it is told', () => forge.pulls.all[0]!.comments.length > 0, undefined, 60_000)
  await until('its telemetry goes', async () => (await attached(world)).length === 0, undefined, 60_000)
})

Bring(
  'are made without their telemetry where the repository does not take it, which is said',
  async ({ world }) => {
    const hook = join(world.repository.bare, 'hooks/update')
    await writeFile(
      hook,
      '#!/bin/sh\ncase "$1" in refs/dyninka/*) echo "only branches" >&2; exit 1;; esac\n',
      { mode: 0o755 },
    )
    world.look()
    await until('it is said', () => world.dataflow.suggestion?.reason === 'BranchRefused', undefined, 60_000)
    assert.match(world.dataflow.suggestion!.message!, 'only branches')
    assert.not.match(world.forge.pulls.all[0]!.body, 'git fetch')
    await world.another()
    assert.is(world.forge.pulls.all.length, 1)
  },
)

const ways: [
  what: string,
  base: string,
  isGitea: boolean,
  options: (world: Advised) => Partial<ForgeOptions>,
][] = [
  ['GitHub Enterprise', '/api/v3', false, ({ forge }) => ({ url: forge.url })],
  ['Gitea', '/api/v1', true, ({ forge }) => ({ type: 'gitea', url: forge.url })],
  [
    'a GitHub App',
    '',
    false,
    ({ forge: { app } }) => ({ auth: { appId: app.id, privateKey: app.privateKey } }),
  ],
]

for (const [what, base, isGitea, options] of ways) {
  Bring(`are opened with ${what}, as it was asked for`, async ({ world }) => {
    const { forge, advisor, repository } = world
    await advisor.close()
    Object.assign(forge, { base, isGitea })
    world.advisorWith({
      forge: options(world),
      proposing: {
        labels: ['placement', 'bot'],
        reviewers: ['grace'],
        isDraft: true,
        branchPrefix: 'bot/placement-',
        commitMessage: 'chore: {title} ({moves})',
      },
    })
    world.look()
    await world.proposed()
    const [pull] = forge.pulls.all
    assert.equal(
      [pull!.branch, pull!.labels, pull!.reviewers],
      ['bot/placement-climate', ['placement', 'bot'], ['grace']],
    )
    assert.is(isGitea ? pull!.title.startsWith('WIP: ') : pull!.isDraft, true)
    await repository.git('fetch', '--quiet', 'origin', 'bot/placement-climate')
    assert.is(
      await repository.git('log', '-1', '--format=%B', 'FETCH_HEAD'),
      'chore: climate: move filter to edge (filter to edge-1)\n\n',
    )
    // What is said anew is still a draft.
    world.file = fileOf(
      busy.map((_, n) => windowOf(n, 2e9)),
      { broker: edge },
    )
    const { body } = pull!
    await until('it is said anew', () => pull!.body !== body, undefined, 60_000)
    assert.is(isGitea ? pull!.title.startsWith('WIP: ') : pull!.isDraft, true)
    assert.is(await readFile(join(repository.work, path), 'utf8'), flow('cloud'))
  })
}

Bring.run()
