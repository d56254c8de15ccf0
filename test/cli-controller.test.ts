import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Status } from '../cli/api/status.ts'
import { Cli, cli, type Said, temporaryFolder } from './support/cli.ts'

interface World {
  folder: string
  dev: Cli
  ask(...args: string[]): Promise<Said>
}

const Controller = suite<World>('cli and a controller')

const files = {
  'dataflow.yaml': `apiVersion: dyninka.dev/v1
name: counting
sources:
  tick: { every: 200ms }
functions:
  count: { code: count.ts, from: tick }
  picky: { code: picky.ts, from: count.odd, retry: { attempts: 1 } }
sinks:
  out: { from: picky, log: {} }
`,
  'count.ts': `import type { Context } from 'dyninka'
export default function count({ n }: { n: number }, ctx: Context<{ outputs: { odd: { n: number } } }>): void {
  if (n % 2 === 1) ctx.emit('odd', { n })
}
`,
  'picky.ts': `export default function picky({ n }: { n: number }): { picked: number } {
  if (n === 1) throw new Error('not one')
  return { picked: n }
}
`,
}

Controller.before(async world => {
  world.folder = await temporaryFolder()
  for (const [file, content] of Object.entries(files)) await writeFile(join(world.folder, file), content)
  world.ask = (...args) => cli(args, { cwd: world.folder })
  world.dev = new Cli(['dev'], { cwd: world.folder })
  await world.dev.says('counting is ready')
})
Controller.after(async world => {
  await world.ask('stop')
  await world.dev.end()
  await rm(world.folder, { recursive: true })
})

Controller('dev prints records and logs as they pass', async ({ dev }) => {
  await dev.says(/tick \{"n":\d+/)
  await dev.says('not one')
  await dev.says(/out \{"picked":\d+\}/)
})

Controller('status tells what runs, for people and for machines', async ({ ask }) => {
  // Counts come with telemetry, once a second.
  for (let tries = 0; tries < 30 && !/picky .* 1$/m.test((await ask('status')).stdout); tries++);
  const { code, stdout } = await ask('status')
  assert.is(code, 0)
  assert.match(
    stdout,
    /! counting {2}Ready, but picky gives records up {2}runs worktree@sha256:[0-9a-f]{7}\n/,
  )
  assert.match(
    stdout,
    /^ {2}picky +function +Running +local pid \d+, \d+ s +[0-9a-f]{8} +\d+ +\d+ +\d+ +\d+ +1$/m,
  )
  assert.match(stdout, /^ {2}picky: 1 record given up → dyninka dead list picky$/m)
  const { dataflows } = JSON.parse((await ask('status', '--json')).stdout) as Status
  assert.equal(
    dataflows.map(({ name }) => name),
    ['counting'],
  )
  assert.equal(
    dataflows[0]!.functions.map(({ unreadDeadLetters }) => unreadDeadLetters),
    [undefined, undefined, 1, undefined],
  )
  const [first] = dataflows[0]!.functions
  assert.is(first!.phase, 'Running')
  assert.type(first!.hosts![0]!.pid, 'number')
})

Controller('status --json has every key that scripts may rely on', async ({ ask }) => {
  const { dataflows } = JSON.parse((await ask('status', '--json')).stdout)
  const has = (part: object, ...keys: string[]) =>
    assert.equal(
      keys.filter(key => !(key in part)),
      [],
    )
  assert.is(dataflows.length, 1)
  has(dataflows[0], 'name', 'revision', 'conditions', 'functions')
  assert.equal(
    dataflows[0].functions.map(({ name }: { name: string }) => name),
    ['tick', 'count', 'picky', 'out'],
  )
  for (const each of dataflows[0].functions) {
    has(each, 'name', 'artifact', 'phase', 'hosts', 'recordsIn', 'recordsOut', 'lag')
    assert.is(each.hosts.length, 1)
    has(each.hosts[0], 'id', 'node', 'pid', 'startedAt', 'artifact')
    assert.match(each.hosts[0].artifact, /^sha256:[0-9a-f]{64}$/)
    assert.is(each.hosts[0].artifact, each.artifact)
    assert.ok(Date.parse(each.hosts[0].startedAt) <= Date.now())
    process.kill(each.hosts[0].pid, 0)
  }
})

Controller('status --watch goes on until it is interrupted, and then exits 130', async ({ folder }) => {
  const watch = new Cli(['status', '--watch', '--json'], { cwd: folder })
  await watch.says(/\n.*\n/s)
  watch.process.kill('SIGINT')
  const { code, stdout, stderr } = await watch.end()
  assert.is(code, 130)
  assert.is(stderr, '')
  for (const line of stdout.trim().split('\n')) JSON.parse(line)
})

Controller('tap shows records of an output, as many as asked for', async ({ ask }) => {
  const { code, stdout } = await ask('tap', 'count.odd', '--limit', '2', '--json')
  assert.is(code, 0)
  const records = stdout
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  assert.is(records.length, 2)
  assert.equal(Object.keys(records[0]).sort(), ['function', 'id', 'key', 'output', 'time', 'value'])
  assert.is(records[1].value.n - records[0].value.n, 2)
})

Controller('tap ends quietly when its reader has seen enough', async ({ folder }) => {
  const tap = new Cli(['tap', 'tick'], { cwd: folder })
  await tap.says('tick')
  tap.process.stdout!.destroy()
  assert.equal((await tap.end()).code, 0)
  assert.is(tap.said.stderr, '')
})

Controller('logs shows the last lines of a function', async ({ ask }) => {
  const { code, stdout } = await ask('logs', 'out', '--lines', '1')
  assert.is(code, 0)
  assert.match(stdout, /^[\d:.]+ info {2}out \{"picked":\d+\}\n$/)
})

Controller(
  'logs --follow shows new lines of one function until Ctrl-C, and then exits 130',
  async ({ folder }) => {
    const logs = new Cli(['logs', 'out', '--lines', '1', '--follow', '--json'], { cwd: folder })
    await logs.says(/\n.*\n.*\n/s)
    logs.process.kill('SIGINT')
    const { code, stdout, stderr } = await logs.end()
    assert.is(code, 130)
    assert.is(stderr, '')
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    for (const line of lines) assert.is(line.function, 'out')
    const picked = lines.flatMap(({ msg, value }) => (msg === 'record' ? [value.picked as number] : []))
    assert.equal(
      picked,
      [...picked].sort((a, b) => a - b),
      'each line once, in order',
    )
    assert.is(new Set(picked).size, picked.length)
    assert.ok(picked.length >= 3)
  },
)

const names: [args: string[], hint: string][] = [
  [['tap', 'cuont'], 'Did you mean `count`?'],
  [['tap', 'count.od'], 'Did you mean `odd`?'],
  [['tap', 'out'], 'Tap what it reads: picky.'],
  [['logs', 'pikcy'], 'Did you mean `picky`?'],
  [['status', '--flow', 'countin'], 'Did you mean `counting`?'],
  [['dead', 'replay', 'pikcy', '--all'], 'Did you mean `picky`?'],
]
for (const [args, hint] of names) {
  Controller(`a wrong name gets a hint and exit code 2: ${args.join(' ')}`, async ({ ask }) => {
    const { code, stderr } = await ask(...args)
    assert.is(code, 2)
    assert.match(stderr, hint)
  })
}

Controller('graph --live draws what runs', async ({ ask }) => {
  const { code, stdout } = await ask('graph', '--live', '--format', 'json')
  assert.is(code, 0)
  const { nodes, edges } = JSON.parse(stdout)
  assert.is(nodes.length, 4)
  assert.ok(nodes.every(({ phase }: { phase: string }) => phase === 'Running'))
  assert.is(edges.length, 3)
})

Controller('dead letters are told as they come, listed, replayed and dropped', async ({ ask, dev }) => {
  await dev.says('! picky: 1 record given up → dyninka dead list picky')
  const { stdout } = await ask('dead', 'list')
  assert.match(stdout, /^picky +0\/1 .* threw +1 +not one +\{"n":1\}$/m)
  const replayed = await ask('dead', 'replay', 'picky', '0/1')
  assert.equal(replayed, { code: 0, stdout: '1 replayed\n', stderr: '' })
  for (let tries = 0; tries < 50 && !(await ask('dead', 'list')).stdout.includes('not one'); tries++);
  assert.is((await ask('dead', 'drop', 'picky', '--all', '--json')).stdout, '{"count":1}\n')
  assert.is((await ask('dead', 'list', 'picky')).stdout, 'No dead letters.\n')
  for (let tries = 0; tries < 30 && !(await ask('status')).stdout.startsWith('✓'); tries++);
  assert.match((await ask('status')).stdout, /✓ counting {2}Ready for/)
  assert.is((await ask('dead', 'drop', 'picky', '0/99')).code, 1)
})

Controller('diff plans the working tree against what runs', async world => {
  const same = await world.ask('diff', '--exit-code')
  assert.is(same.code, 0)
  assert.match(same.stdout, 'counting runs as it is here')
  // Elsewhere: here it would run at once.
  const elsewhere = await temporaryFolder()
  const edited = {
    ...files,
    'dataflow.yaml': files['dataflow.yaml'].replace('out: { from: picky', 'out: { from: count.odd'),
    'picky.ts': files['picky.ts'].replace('n === 1', 'n === 3'),
  }
  for (const [file, content] of Object.entries(edited)) await writeFile(join(elsewhere, file), content)
  const args = ['diff', '--exit-code', '--state', join(world.folder, '.dyninka')]
  const changed = await cli(args, { cwd: elsewhere })
  await rm(elsewhere, { recursive: true })
  assert.is(changed.code, 1)
  assert.match(
    changed.stdout,
    /^counting\n {2}~ swap picky for generation 2, on local\n {2}~ rewire out: reads count\.odd instead of picky\n$/,
  )
})

Controller('--url and DYNINKA_URL lead to a controller from anywhere', async ({ folder }) => {
  const { url } = JSON.parse(await readFile(join(folder, '.dyninka', 'controller.json'), 'utf8'))
  assert.match((await cli(['status', '--url', url])).stdout, 'counting')
  assert.match((await cli(['status'], { env: { DYNINKA_URL: url } })).stdout, 'counting')
  const { code, stderr } = await cli(['status', '--url', 'http://127.0.0.1:9'])
  assert.is(code, 1)
  assert.match(stderr, 'does not answer')
})

Controller(
  'a save with findings is told with place and hint, and what runs keeps running',
  async ({ folder, dev, ask }) => {
    await writeFile(join(folder, 'dataflow.yaml'), files['dataflow.yaml'].replace('from: tick', 'from: tock'))
    await dev.says('dataflow.yaml:6:34')
    await dev.says('Did you mean `tick`?')
    const { stdout } = await ask('status')
    assert.match(stdout, '✗ counting  Stalled (InvalidRevision)')
    assert.match(stdout, 'dataflow.yaml:6:34')
    assert.match(stdout, /picky +function +Running/)
    await writeFile(join(folder, 'dataflow.yaml'), files['dataflow.yaml'])
  },
)

Controller('stop ends the controller and all it ran; a second one finds nothing', async ({ dev, ask }) => {
  const { code, stdout } = await ask('stop')
  assert.is(code, 0)
  assert.match(stdout, 'Stopped the controller, 4 hosts and the broker of')
  const end = await dev.end()
  assert.ok(
    end.stdout.includes('Stopped all that ran.'),
    `${end.code}: ${end.stdout.slice(-500)}${end.stderr}`,
  )
  assert.match((await ask('stop')).stdout, 'Nothing runs')
})

Controller('stop ends what a killed controller left', async ({ folder, ask }) => {
  const dev = new Cli(['dev'], { cwd: folder })
  await dev.says('counting is ready')
  dev.process.kill('SIGKILL')
  await dev.end()
  const { stdout } = await ask('stop', '--json')
  assert.equal(JSON.parse(stdout), { controller: false, hosts: 4, broker: true })
})

Controller.run()
