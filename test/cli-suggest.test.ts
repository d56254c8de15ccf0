import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { writeTelemetry } from '../controller/telemetry/file.ts'
import type { Finding } from '../schema/index.ts'
import { cli } from './support/cli.ts'
import { code as filterCode, flow as flowIn } from './support/climate-flow.ts'
import { busy, edge, fileOf } from './support/climate-telemetry.ts'
import { contradicting } from './support/contradicting-flow.ts'
import { TestForge } from './support/forge/forge.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  server: GitServer
  forge: TestForge
  telemetry: string
}

const Suggest = suite<World>('dyninka suggest')

const flow = flowIn('cloud')

Suggest.before(async world => {
  world.repository = await makeRepository('ada/climate')
  world.server = await startGitServer(world.repository.root)
  world.forge = await TestForge.start()
  await world.repository.git('remote', 'set-url', 'origin', `${world.server.url}/ada/climate.git`)
  await world.repository.publish({ 'dataflow.yaml': flow, 'functions/filter.ts': filterCode }, 'origin')
  world.telemetry = join(world.repository.root, 'climate.jsonl.gz')
  await writeFile(world.telemetry, writeTelemetry(fileOf(busy, { broker: edge }), true))
})
Suggest.after(async ({ repository, server, forge }) => {
  await forge.stop()
  await server.stop()
  await repository.remove()
})

const suggest = ({ repository, telemetry }: World, ...args: string[]) =>
  cli(['suggest', '--telemetry', telemetry, ...args], { cwd: repository.work })

Suggest('says what to move, what that saves, and on what grounds', async world => {
  const { code, stdout, stderr } = await suggest(world)
  assert.is(code, 0, stderr)
  assert.match(stdout, 'Suggested:\n  move filter from cloud to edge\n  saves 369 an hour of 403')
  assert.is(stdout.match(/✓/g)?.length, 9, stdout)
  assert.match(stdout, 'second is filter in cloud: 369 an hour more')
})

Suggest('says the same to machines, and again from the same file', async world => {
  const [first, second] = await Promise.all([suggest(world, '--json'), suggest(world, '--json')])
  const [one, two] = [first, second].map(({ stdout }) => JSON.parse(stdout))
  assert.equal(one.chosen.moves, two.chosen.moves)
  assert.equal(one.chosen.decision, two.chosen.decision)
  assert.equal(one.chosen.moves, [
    { item: 'filter', from: { zone: 'cloud', node: 'cloud-1' }, to: { zone: 'edge', node: 'edge-1' } },
  ])
  assert.ok(one.chosen.answer.gap < 1e-3)
})

Suggest('explains where a function is, and what it would cost elsewhere', async world => {
  const { stdout } = await suggest(world, '--explain', 'filter')
  assert.match(stdout, 'filter is on cloud-1 in cloud: its file says `zone: cloud`.')
  assert.match(stdout, /edge +edge-1 +-369 +network -369, moving \+0\.000833/)
  const kept = await suggest(world, '--explain', 'out')
  assert.match(kept.stdout, 'out is on cloud-1 in cloud: its file says `keep`.')
  assert.match(kept.stdout, /breaks out\.keep/)
  const { why, others } = JSON.parse((await suggest(world, '--explain', 'filter', '--json')).stdout)
  assert.equal(why, ['zone: cloud'])
  assert.ok(Math.abs(others[0].more.network + 369) < 1, JSON.stringify(others))
  const unknown = await suggest(world, '--explain', 'filtre')
  assert.is(unknown.code, 2)
  assert.match(unknown.stderr, 'raw, filter, out')
})

Suggest('names the lines of rules that can not all hold', async world => {
  const { repository } = world
  await repository.write({ 'odd/dataflow.yaml': contradicting, 'odd/functions/filter.ts': filterCode })
  const text = await suggest(world, 'odd')
  assert.match(
    text.stdout,
    'odd/dataflow.yaml:11:34 No placement has all of this: `filter` needs the label `disk`',
  )
  assert.match(text.stdout, 'line 13 (`filter` is near `raw`)')
  const { findings, conflict } = JSON.parse((await suggest(world, 'odd', '--json')).stdout)
  assert.equal(conflict.length, 3)
  assert.equal(
    findings.map(({ file, line, code }: Finding) => [file, line, code]),
    [5, 11, 13].map(line => ['odd/dataflow.yaml', line, 'placement-contradiction']),
  )
  const { stdout } = await suggest(world, 'odd', '--format', 'markdown')
  assert.match(stdout, '### Rules that can not all hold')
  assert.match(stdout, '- `odd/dataflow.yaml:11:34` ')
})

Suggest('only says it with --dry-run, and refuses that with --propose', async world => {
  const [dry, plain] = await Promise.all([suggest(world, '--dry-run'), suggest(world)])
  assert.is(dry.code, 0)
  assert.is(dry.stdout, plain.stdout)
  const both = await suggest(world, '--dry-run', '--propose', '--forge', 'github')
  assert.is(both.code, 2)
  assert.match(both.stderr, /--dry-run changes nothing.*Leave one of the two out/s)
  assert.is(world.forge.pulls.all.length, 0)
})

Suggest('refuses what it can not use, and says what would do', async world => {
  const { repository } = world
  const wrong: [args: string[], code: number, says: RegExp][] = [
    [['--max-moves', '0'], 2, /a number from 1/],
    [['--broker-zone', '=edge'], 2, /mqtt:\/\/broker.example:1883=edge-lyon/],
    [['--broker-zone', `${edge}=moon`], 1, /is said to be in moon.*There are cloud, edge/s],
    [['--propose'], 2, /needs --forge/],
    [['--branch-prefix', '../up'], 2, /like dyninka\//],
    [[join(repository.root, 'nowhere')], 2, /there is no dataflow.yaml/],
  ]
  for (const [args, code, says] of wrong) {
    const said = await suggest(world, ...args)
    assert.is(said.code, code, said.stderr)
    assert.match(said.stderr, says)
  }
  const none = await cli(['suggest', '--telemetry', 'no.jsonl'], { cwd: repository.work })
  assert.is(none.code, 2)
  const unmeasured = join(repository.root, 'unmeasured.jsonl')
  await writeFile(unmeasured, writeTelemetry(fileOf([]), false))
  const early = await cli(['suggest', '--telemetry', unmeasured], { cwd: repository.work })
  assert.is(early.code, 1)
  assert.match(early.stderr, 'nothing was measured of climate yet')
})

Suggest('opens a pull request with the smallest change, and keeps it', async world => {
  const { repository, forge } = world
  const env = { DYNINKA_FORGE_TOKEN: forge.token }
  const propose = () =>
    cli(
      ['suggest', '--telemetry', world.telemetry, '--propose', '--forge', 'github', '--forge-url', forge.url],
      { cwd: repository.work, env },
    )
  const opened = await propose()
  assert.is(opened.code, 0, opened.stderr)
  assert.match(opened.stdout, 'Pull request opened: https://forge.example/ada/climate/pulls/1')
  await repository.git('fetch', '--quiet', 'origin', 'dyninka/climate')
  const changed = await repository.git('show', 'FETCH_HEAD:dataflow.yaml')
  assert.is(changed, flow.replace('{ zone: cloud } # decided', '{ zone: edge } # decided'))
  const [pull] = forge.pulls.all
  assert.is(pull!.title, 'climate: move filter to edge')
  assert.match(pull!.body, '```mermaid')
  assert.match(pull!.body, 'git fetch origin refs/dyninka/telemetry/dyninka/climate/')
  const { digest } = JSON.parse((await suggest(world, '--json')).stdout)
  assert.match(pull!.body, `"digest":"${digest}"`)
  assert.match((await propose()).stdout, 'Pull request unchanged')

  await writeFile(join(repository.work, 'dataflow.yaml'), `${flow}# not pushed\n`)
  const differs = await propose()
  assert.is(differs.code, 1)
  assert.match(differs.stderr, 'Pull or push first')
  await writeFile(join(repository.work, 'dataflow.yaml'), flow)
  assert.is(await readFile(join(repository.work, 'dataflow.yaml'), 'utf8'), flow)
  assert.equal(forge.faults, [])
})

Suggest.run()
