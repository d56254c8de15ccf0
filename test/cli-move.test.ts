import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cli } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  controlled: Controlled
}

const Move = suite<World>('dyninka move')

const dataflow = `# where it runs is decided here
apiVersion: dyninka.dev/v1
name: counting
sources:
  tick: { every: 20ms }
functions:
  count: # the one that moves
    code: count.js
    from: tick
    placement:
      zone: edge   # near the sensors
  pass: { code: count.js, from: count, placement: { require: { arch: [arm64] } } }
sinks:
  out: { from: pass, file: out.ndjson }
`
const file = 'flows/counting/dataflow.yaml'
const code = 'export default record => record\n'

Move.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({ [file]: dataflow, 'flows/counting/count.js': code, 'notes.md': 'a' })
  const nodes = [
    { name: 'e1', zone: 'edge', arch: 'arm64' },
    { name: 'c1', zone: 'cloud', arch: 'amd64' },
    { name: 'c2', zone: 'cloud', arch: 'amd64' },
  ]
  world.controlled = await Controlled.over({ repo: world.repository.bare, nodes, intervalMs: 1_000 })
  await world.controlled.ready(undefined, 60_000)
})
Move.after(async ({ repository, controlled }) => {
  await controlled?.remove()
  await repository?.remove()
})

const identity = {
  GIT_AUTHOR_NAME: 'Grace',
  GIT_AUTHOR_EMAIL: 'grace@example.org',
  GIT_COMMITTER_NAME: 'Grace',
  GIT_COMMITTER_EMAIL: 'grace@example.org',
}

const move = ({ repository, controlled }: World, ...args: string[]) =>
  cli(['move', ...args, '--state', controlled.state], { cwd: repository.work, env: identity })

const written = ({ repository }: World) => readFile(join(repository.work, file), 'utf8')
const head = async ({ repository }: World) => (await repository.git('rev-parse', 'HEAD')).trim()
const pushed = async ({ repository }: World) =>
  (await repository.git('ls-remote', 'origin', 'main')).slice(0, 40)

const placesOf = async ({ controlled }: World, name: string) =>
  (await controlled.functions())[name]!.hosts.map(({ node }) => node)

const runsOn = (world: World, name: string, ...nodes: string[]) =>
  until(
    `${name} runs on ${nodes}`,
    async () => {
      const places = await placesOf(world, name)
      return places.length === 1 && nodes.includes(places[0]!)
    },
    undefined,
    60_000,
  )

/** Waits for more records than there are. @returns the numbers that came, in order */
async function numbers({ controlled }: World): Promise<number[]> {
  const path = join(controlled.state, 'files/counting/out.ndjson')
  const read = async () =>
    existsSync(path)
      ? (await readFile(path, 'utf8'))
          .split('\n')
          .flatMap(line => (line ? [JSON.parse(line).n as number] : []))
      : []
  const before = (await read()).length
  await until('records come', async () => (await read()).length > before + 10, undefined, 60_000)
  return read()
}

async function loseNothing(world: World) {
  const all = await numbers(world)
  assert.equal(
    all,
    all.map((_, index) => all[0]! + index),
  )
}

Move('shows the lines that would change, and changes nothing', async world => {
  const { code, stdout } = await move(world, 'count', '--to', 'cloud', '--dry-run')
  assert.is(code, 0)
  assert.match(stdout, /flows\/counting\/dataflow\.yaml/)
  assert.match(stdout, / 11 - {7}zone: edge {3}# near the sensors/)
  assert.match(stdout, / 11 \+ {7}zone: cloud {3}# near the sensors/)
  assert.is(await written(world), dataflow)
})

const refused: [title: string, args: string[], code: number, says: RegExp][] = [
  [
    'a place that has not what is required, with the line',
    ['pass', '--to', 'cloud'],
    1,
    /dataflow\.yaml:12:\d+ .*arch[\s\S]*Nothing was changed/,
  ],
  [
    'a zone that is not there',
    ['count', '--to', 'clout'],
    1,
    /No node is in zone `clout`\.[\s\S]*Did you mean `cloud`/,
  ],
  [
    'a function that is not there',
    ['coumt', '--to', 'cloud'],
    2,
    /nothing here is called coumt[\s\S]*`count`/,
  ],
  ['no place', ['count'], 2, /where to\?/],
  ['what is no place', ['count', '--to', 'A B'], 2, /is no place/],
  ['--back without --now', ['count', '--back'], 2, /--back goes with --now/],
  [
    '--now for a place that has not what is required',
    ['pass', '--to', 'node:c1', '--now'],
    1,
    /what pass requires[\s\S]*e1 would do/,
  ],
  [
    '--now for a zone that is not there',
    ['count', '--to', 'moon', '--now'],
    1,
    /there is no zone moon[\s\S]*edge and cloud/,
  ],
]

for (const [title, args, code, says] of refused) {
  Move(`refuses ${title}`, async world => {
    const before = await head(world)
    const said = await move(world, ...args)
    assert.is(said.code, code, said.stderr)
    assert.match(said.stderr, says)
    assert.is(await written(world), dataflow)
    assert.is(await head(world), before)
  })
}

Move('refuses a file with changes of its own', async world => {
  const path = join(world.repository.work, file)
  await writeFile(path, `${dataflow}# more\n`)
  const { code, stderr } = await move(world, 'count', '--to', 'cloud')
  assert.is(code, 1)
  assert.match(stderr, /has changes that are not committed/)
  assert.is(await written(world), `${dataflow}# more\n`)
  await writeFile(path, dataflow)
})

Move('moves what runs at once, marks it, and ends that when it is asked to', async world => {
  const before = await head(world)
  const said = await move(world, 'count', '--to', 'cloud', '--now')
  assert.is(said.code, 0, said.stderr)
  assert.match(said.stdout, /count goes to zone cloud, until the next revision/)
  await runsOn(world, 'count', 'c1', 'c2')
  const { placed } = (await world.controlled.functions()).count!
  assert.equal([placed!.zone, placed!.by], ['cloud', 'move'])
  const { stdout } = await cli(['status', '--state', world.controlled.state])
  assert.match(
    stdout,
    /count: in zone cloud for .*not where its file says: moved by hand, until the next revision/,
  )
  assert.is(await head(world), before)
  assert.is((await move(world, 'count', '--back', '--now')).code, 0)
  await runsOn(world, 'count', 'e1')
  assert.is((await world.controlled.functions()).count!.placed, undefined)
  await loseNothing(world)
})

Move(
  'keeps to it over a restart of the controller, and no longer than until the next revision',
  async world => {
    const { controlled, repository } = world
    assert.is((await move(world, 'count', '--to', 'node:c2', '--now', '--json')).code, 0)
    await runsOn(world, 'count', 'c2')
    await controlled.kill()
    await controlled.start()
    await controlled.ready()
    await runsOn(world, 'count', 'c2')
    await controlled.ready(await repository.publish({ 'flows/counting/README.md': 'x' }), 60_000)
    await runsOn(world, 'count', 'e1')
    await loseNothing(world)
  },
)

Move('commits the one file, pushes it, and has the function move with nothing lost', async world => {
  const { repository, controlled } = world
  await repository.write({ 'notes.md': 'b' })
  await repository.git('add', 'notes.md')
  const { code, stdout, stderr } = await move(world, 'count', '--to', 'cloud')
  assert.is(code, 0, stderr)
  assert.match(stdout, /committed as [0-9a-f]{7}, and pushed/)
  const commit = await head(world)
  assert.is(await pushed(world), commit)
  assert.is(await written(world), dataflow.replace('zone: edge ', 'zone: cloud '))
  const shown = await repository.git('show', '--format=%an %ae %s', '--name-only', 'HEAD')
  assert.equal(shown.trim().split(/\n+/), ['Grace grace@example.org Move count to zone cloud', file])
  assert.is((await repository.git('diff', '--cached', '--name-only')).trim(), 'notes.md')
  await controlled.ready(commit, 60_000)
  await runsOn(world, 'count', 'c1', 'c2')
  await loseNothing(world)
})

Move('says that it is there already, and commits nothing', async world => {
  const before = await head(world)
  const { code, stdout } = await move(world, 'count', '--to', 'cloud')
  assert.is(code, 0)
  assert.match(stdout, /count is in zone cloud already/)
  assert.is(await head(world), before)
})

Move('only commits with --no-push, and tells scripts all about it', async world => {
  const before = await pushed(world)
  const { code, stdout, stderr } = await move(world, 'count', '--to', 'node:c1', '--no-push', '--json')
  assert.is(code, 0, stderr)
  const { changes, ...said } = JSON.parse(stdout)
  const commit = await head(world)
  assert.equal(said, { function: 'count', flow: 'counting', file, to: { node: 'c1' }, commit, pushed: false })
  assert.equal(changes, [
    { line: 11, sign: '-', text: '      zone: cloud   # near the sensors' },
    { line: 11, sign: '+', text: '      node: c1   # near the sensors' },
  ])
  assert.is(await pushed(world), before)
})

Move('keeps the commit when somebody else has pushed before, and says so', async world => {
  const { repository } = world
  const commit = await head(world)
  await repository.git('checkout', '--quiet', '-b', 'other', 'origin/main')
  await repository.git('commit', '--quiet', '--allow-empty', '-m', 'Other')
  await repository.git('push', '--quiet', 'origin', 'HEAD:main')
  await repository.git('checkout', '--quiet', 'main')
  const { code, stderr } = await move(world, 'count', '--to', 'edge')
  assert.is(code, 1)
  assert.match(stderr, /committed, and not pushed[\s\S]*git pull --rebase/)
  assert.is.not(await head(world), commit)
  assert.match(await written(world), 'zone: edge   # near the sensors')
})

Move('works where no controller is, and says what was not checked', async ({ repository }) => {
  const env = { ...identity, PATH: process.env.PATH! }
  const { code, stdout, stderr } = await cli(['move', 'pass', '--to', 'moon', '--dry-run'], {
    cwd: repository.work,
    env,
  })
  assert.is(code, 0, stderr)
  assert.match(stdout, /12 \+ .*placement: \{ require: \{ arch: \[arm64\] \}, zone: moon \}/)
  assert.match(stderr, /was not checked/)
})

Move.run()
