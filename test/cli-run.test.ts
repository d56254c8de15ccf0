import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../cli/api/status.ts'
import { Cli, cli, temporaryFolder, terminal } from './support/cli.ts'
import { until } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface World {
  repository: Repository
  state: string
}

const Run = suite<World>('dyninka run')

const flow = (name: string) => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 200ms }
functions:
  count: { code: count.ts, from: tick }
`
const count = 'export default () => 1\n'

Run.before.each(async world => {
  world.repository = await makeRepository()
  world.state = await temporaryFolder()
})
Run.after.each(async ({ repository, state }) => {
  await cli(['stop', '--state', state])
  await repository.remove()
  await rm(state, { recursive: true, force: true, maxRetries: 5 })
})

const run = ({ repository, state }: World, ...more: string[]) => [
  ...['run', '--repo', repository.bare, '--state', state, '--listen', '127.0.0.1:0'],
  ...more,
]

Run('--path leaves out what is elsewhere; --json logs in lines of JSON; Ctrl-C exits 130', async world => {
  await world.repository.publish({
    'a/dataflow.yaml': flow('inside'),
    'a/count.ts': count,
    'b/dataflow.yaml': flow('outside'),
    'b/count.ts': count,
  })
  const controller = new Cli(run(world, '--path', 'a', '--json'))
  let names: string[] = []
  await until('it is ready', async () => {
    const { code, stdout } = await cli(['status', '--json', '--state', world.state])
    const { dataflows } = code === 0 ? (JSON.parse(stdout) as Status) : { dataflows: [] }
    names = dataflows.map(({ name }) => name)
    return dataflows.some(({ conditions }) =>
      conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    )
  })
  assert.equal(names, ['inside'])
  controller.process.kill('SIGINT')
  const { code, stdout, stderr } = await controller.end()
  assert.is(code, 130)
  assert.is(stderr, '')
  for (const line of stdout.trim().split('\n').filter(Boolean)) assert.type(JSON.parse(line).level, 'number')
})

Run('asks whether another branch was meant', async world => {
  await world.repository.publish({ 'dataflow.yaml': flow('branched'), 'count.ts': count })
  const controller = new Cli(run(world, '--branch', 'mian'))
  await controller.says('Did you mean main?')
  assert.match(controller.said.stdout, 'has no branch mian')
  controller.process.kill('SIGINT')
  assert.is((await controller.end()).code, 130)
})

const onTerminal = process.platform === 'linux' ? Run : Run.skip
onTerminal('shows a build that takes long, until a newer push cancels it', async world => {
  const { repository } = world
  let asked = 0
  let givenUp = 0
  const registry = createServer((_request, response) => {
    asked += 1
    response.once('close', () => {
      givenUp += 1
    })
  })
  registry.listen(0, '127.0.0.1')
  await once(registry, 'listening')
  const resolved = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/word.tgz`
  const dependencies = { word: '^1.0.0' }
  const packages = { '': { dependencies }, 'node_modules/word': { version: '1.0.0', resolved } }
  await repository.publish({
    'dataflow.yaml': flow('slow'),
    'count.ts': "import word from 'word'\nexport default () => word\n",
    'package.json': JSON.stringify({ dependencies }),
    'package-lock.json': JSON.stringify({ name: 'x', lockfileVersion: 3, requires: true, packages }),
  })
  const controller = terminal(run(world), { npm_config_cache: join(repository.root, 'npm-cache') })
  try {
    await controller.says(/Building slow: installing 1 npm package of package-lock\.json … [2-9] s/)
    assert.match(controller.said.stdout, '\r\x1b[K', 'in one line, written again and again')
    await until('npm has asked the registry, which never answers', () => asked === 1)
    assert.is(givenUp, 0)
    await repository.publish({ 'count.ts': count, 'package.json': null, 'package-lock.json': null })
    await controller.says(/slow\S* is ready after/)
    await until('the build of the older push is over', () => givenUp === 1)
  } finally {
    registry.close()
    registry.closeAllConnections()
    await cli(['stop', '--state', world.state])
    await controller.end()
  }
})

Run.run()
