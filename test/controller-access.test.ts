import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Cli, cli } from './support/cli.ts'
import { startGitServer } from './support/git-server.ts'
import { makeRepository } from './support/repository.ts'

const Access = suite('dyninka run and a repository that asks who is there')

const password = 'p4ss-word-of-git'
const env = { DYNINKA_GIT_USERNAME: 'ada', DYNINKA_GIT_PASSWORD: password }

Access('takes the password from the environment, and shows it nowhere', async () => {
  const repository = await makeRepository()
  const server = await startGitServer(repository.root, { auth: { username: 'ada', password } })
  const state = join(repository.root, 'state')
  await repository.publish({
    'dataflow.yaml':
      'apiVersion: dyninka.dev/v1\nname: locked\nsources:\n  tick: { every: 1s }\nfunctions:\n  one: { code: one.ts, from: tick }\n',
    'one.ts': 'export default () => 1\n',
  })
  const args = ['run', '--repo', `${server.url}/repository.git`, '--state', state, '--listen', '127.0.0.1:0']
  const run = new Cli([...args, '--json'], { env, cwd: repository.root })
  const cmdlines = new Set<string>()
  const looking = setInterval(() => {
    for (const line of commandLines()) cmdlines.add(line)
  }, 100)
  try {
    for (let phase = '', tries = 0; phase !== 'True'; tries++) {
      assert.ok(tries < 30, run.said.stdout + run.said.stderr)
      const { stdout } = await cli(['status', '--json', '--state', state])
      const flow = stdout ? JSON.parse(stdout).dataflows[0] : undefined
      phase = flow?.conditions.find(({ type }: { type: string }) => type === 'Ready')?.status ?? ''
      assert.not.match(stdout, password)
      assert.is(run.process.exitCode, null, run.said.stdout + run.said.stderr)
    }
  } finally {
    clearInterval(looking)
    await cli(['stop', '--state', state])
  }
  const { stdout, stderr } = await run.end()
  const files = readdirSync(state, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile())
  const written = files.map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
  for (const text of [stdout, stderr, ...cmdlines, ...written]) assert.not.match(text, password)
  await server.stop()
  await repository.remove()
})

Access('takes in only commits that are signed, when it is told so', async () => {
  const repository = await makeRepository()
  const signers = join(repository.root, 'signers')
  await writeFile(signers, '')
  await repository.commit()
  await repository.push()
  const state = join(repository.root, 'state')
  const args = ['run', '--repo', repository.bare, '--state', state, '--listen', '127.0.0.1:0']
  const run = new Cli([...args, '--allowed-signers', signers])
  await run.says('is not signed with an allowed key')
  await cli(['stop', '--state', state])
  await run.end()
  await repository.remove()
})

const wrong: [args: string[], env: Record<string, string>, says: string][] = [
  [['--ssh-key', 'absent'], {}, '--ssh-key: there is no file absent'],
  [['--known-hosts', 'absent'], {}, '--known-hosts: there is no file absent'],
  [['--allowed-signers', 'absent'], {}, '--allowed-signers: there is no file absent'],
  [[], { DYNINKA_GIT_USERNAME: 'ada' }, 'go together'],
]
for (const [args, env, says] of wrong) {
  Access(`wrong usage exits 2: ${args.join(' ')} ${Object.keys(env)}`, async () => {
    const { code, stderr } = await cli(['run', '--repo', 'git@example.org:a.git', ...args], { env })
    assert.is(code, 2)
    assert.match(stderr, says)
  })
}

function commandLines(): string[] {
  if (process.platform !== 'linux') return []
  return readdirSync('/proc').flatMap(name => {
    try {
      return /^\d+$/.test(name) ? [readFileSync(`/proc/${name}/cmdline`, 'utf8')] : []
    } catch {
      return []
    }
  })
}

Access.run()
