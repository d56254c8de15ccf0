import { spawnSync } from 'node:child_process'
import { copyFile, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cli, launcher, type Said, temporaryFolder } from './support/cli.ts'

const Help = suite('cli help')

const commands = [
  ...['init', 'validate', 'graph', 'dev', 'run', 'stop', 'diff', 'move', 'demo', 'status', 'logs', 'tap'],
  ...['node', 'node list', 'node drain', 'node restore'],
  ...['dead', 'dead list', 'dead replay', 'dead drop', 'base', 'suggest'],
  ...['telemetry', 'telemetry show', 'telemetry export'],
]

const helps = new Map<string, Said>()

Help.before(async () => {
  const ask = async (command: string) => helps.set(command, await cli([...command.split(' '), '--help']))
  await Promise.all(commands.map(ask))
})

for (const command of commands) {
  Help(`of ${command} ends with examples and exit codes`, () => {
    const { code, stdout, stderr } = helps.get(command)!
    assert.is(code, 0)
    assert.is(stderr, '')
    assert.match(stdout, `Usage: dyninka ${command}`)
    assert.match(stdout, `Examples:\n  dyninka ${command}`)
    assert.match(stdout, /^Exit codes: 0 done, 1 .+, 2 wrong usage, 130 Ctrl-C$/m)
  })
}

Help('tells times as a person writes them', () => {
  for (const [command, { stdout }] of helps) assert.not.match(stdout, /default: \d{4,}/, command)
  assert.match(helps.get('telemetry show')!.stdout, '(default: 1h)')
})

Help('of dyninka names every command', async () => {
  const { code, stdout } = await cli(['--help'])
  assert.is(code, 0)
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command.split(' ')[0]}\\b`, 'm'))
})

const wrong: [args: string[], says: string | RegExp][] = [
  [['valdate'], 'Did you mean validate?'],
  [['status', '--whatch'], 'Did you mean --watch?'],
  [['graph', '--format', 'png'], 'Allowed choices are text, mermaid, dot, svg, json.'],
  [['run', '--repo', '.', '--interval', '30'], 'It takes a duration such as 500ms, 30s or 5m.'],
  [['run'], '--repo'],
  [['logs', '--lines', '-3'], 'It takes a whole number from 1.'],
  [['validate', 'no-such-folder'], 'there is no folder no-such-folder'],
  [['dead', 'drop', 'parse'], 'add --all'],
]

for (const [args, says] of wrong) {
  Help(`wrong usage exits 2 and says what is right: ${args.join(' ')}`, async () => {
    const { code, stdout, stderr } = await cli(args)
    assert.is(code, 2)
    assert.is(stdout, '')
    assert.match(stderr, says)
  })
}

Help('without a controller, says how to start one', async () => {
  const { code, stderr } = await cli(['status'])
  assert.is(code, 1)
  assert.match(stderr, 'no controller is running')
  assert.match(stderr, 'dyninka dev')
})

const pretendNode20 =
  'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.9.0"}})'

Help('on an older Node, runs on the one that npm brought', async () => {
  const { code, stdout } = await cli(['--version'], { node: ['--import', pretendNode20] })
  assert.is(code, 0)
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

Help('on an older Node without that, says what to do', async () => {
  const folder = await temporaryFolder()
  try {
    await mkdir(join(folder, 'cli'))
    await copyFile(launcher, join(folder, 'cli', 'dyninka.mjs'))
    const { status, stderr } = spawnSync(
      process.execPath,
      ['--import', pretendNode20, join(folder, 'cli', 'dyninka.mjs')],
      { encoding: 'utf8' },
    )
    assert.is(status, 1)
    assert.match(stderr, 'Dyninka needs Node 24 or later')
    assert.match(stderr, 'npm install')
  } finally {
    await rm(folder, { recursive: true })
  }
})

Help.run()
