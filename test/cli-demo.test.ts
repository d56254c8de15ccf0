import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cli, cli, temporaryFolder } from './support/cli.ts'

const project = fileURLToPath(new URL('..', import.meta.url))

const Demo = suite('dyninka demo')

Demo('delivers all that it sends, over a real push, and cleans up', async () => {
  const folder = await temporaryFolder()
  const demo = new Cli(['demo', '--exit-after', '18s', '--json', '--dir', folder])
  try {
    await demo.says('weather is ready')
    const copy = join(folder, 'weather')
    const advise = join(copy, 'functions', 'advise.ts')
    await writeFile(advise, (await readFile(advise, 'utf8')).replace('an umbrella', 'a raincoat'))
    const git = (...args: string[]) =>
      execFileSync('git', ['-C', copy, ...args], { encoding: 'utf8', stdio: 'pipe' })
    git('commit', '--all', '--message', 'Wear a raincoat')
    git('push')
    await demo.says(/weather is ready after [\d.]+ s: built advise; swapped advise\n/)
    await demo.says('a raincoat')
    // From the working copy every command finds its controller.
    assert.match((await cli(['status'], { cwd: copy })).stdout, '✓ weather')
    const { code, stdout, stderr } = await demo.end()
    assert.is(code, 0, stderr)
    const { recordsSent, recordsDelivered, functions, builds, revision, seconds } = JSON.parse(stdout)
    assert.ok(recordsSent > 20)
    assert.is(recordsDelivered, recordsSent)
    assert.is(functions, 3)
    assert.is(builds, 4)
    assert.is(revision, `main@sha1:${git('rev-parse', 'HEAD').trim()}`)
    assert.ok(seconds < 40)
    assert.match(stderr, `Your work stays in ${copy}`)
  } finally {
    demo.process.kill()
    await demo.end()
    await rm(folder, { recursive: true, force: true })
  }
})

Demo('as `npm start -- --exit-after … --json`, prints one line on stdout: the JSON', async () => {
  // What `npm ci` runs at its end.
  execFileSync('npm', ['run', 'prepare'], { cwd: project, stdio: 'pipe' })
  const npm = spawn('npm', ['start', '--', '--exit-after', '2s', '--json'], {
    cwd: project,
    env: Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_config_/i.test(name))),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let stdout = ''
  npm.stdout.setEncoding('utf8').on('data', text => (stdout += text))
  const [code] = await once(npm, 'close')
  assert.is(code, 0)
  const { recordsSent, recordsDelivered } = JSON.parse(stdout)
  assert.ok(recordsSent > 0)
  assert.is(recordsDelivered, recordsSent)
})

Demo('Ctrl-C stops all that it started, says so, and exits 130', async () => {
  const folder = await temporaryFolder()
  const demo = new Cli(['demo', '--dir', folder])
  await demo.says('Ctrl-C here stops all of it.')
  assert.match(demo.said.stdout, `cd ${join(folder, 'weather')}`)
  demo.process.kill('SIGINT')
  const { code, stdout } = await demo.end()
  assert.is(code, 130)
  assert.match(stdout, 'Stopped the controller, its broker and all functions. Its folder is removed.')
  assert.match(stdout, ', 0 lost.')
  assert.not(existsSync(folder))
})

Demo('leaves nothing behind where Git is missing', async () => {
  const folder = await temporaryFolder()
  const { code, stderr } = await cli(['demo'], { env: { PATH: folder, TMPDIR: folder } })
  assert.is(code, 1)
  assert.match(stderr, 'git is not installed')
  const left = (await readdir(folder)).filter(name => name.startsWith('dyninka'))
  assert.equal(left, [])
  await rm(folder, { recursive: true })
})

Demo.run()
