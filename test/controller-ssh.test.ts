import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { gitSource, type SshKey } from '../controller/source/index.ts'
import { Problem } from '../schema/problem.ts'
import { Cli, cli } from './support/cli.ts'
import { makeRepository, type Repository } from './support/repository.ts'
import { type SshServer, sshd, startSshServer } from './support/ssh-server.ts'

interface Place {
  repository: Repository
  server: SshServer
  url: string
}

const Ssh = suite<Place>('a repository behind a real sshd')
const check = sshd ? Ssh : Ssh.skip
if (!sshd) console.log('there is no sshd: nothing is tested over SSH')

const yaml = `apiVersion: dyninka.dev/v1
name: remote
sources:
  tick: { every: 100ms }
functions:
  count: { code: count.ts, from: tick }
`

const push = async ({ repository, server, url }: Place, value: number) => {
  await repository.write({ 'dataflow.yaml': yaml, 'count.ts': `export default () => ${value}\n` })
  const commit = await repository.commit(`Say ${value}`)
  await repository.git('-c', `core.sshCommand=${server.sshCommand}`, 'push', '--quiet', url, 'HEAD')
  return commit
}

Ssh.before(async place => {
  if (!sshd) return
  place.repository = await makeRepository()
  place.server = await startSshServer()
  place.url = place.server.url(place.repository.bare)
})
Ssh.after(async ({ server, repository }) => {
  await server?.remove()
  await repository?.remove()
})

check('is followed with --ssh-key; a server that is away for a while stops nothing', async place => {
  const { server, repository, url } = place
  const state = join(repository.root, 'state')
  await push(place, 1)
  const run = new Cli([
    ...['run', '--repo', url, '--state', state, '--listen', '127.0.0.1:0', '--interval', '1s'],
    ...['--ssh-key', server.keyFile, '--known-hosts', server.knownHostsFile],
  ])
  try {
    await run.says('remote is ready')
    await server.stop()
    await run.says(/! .*can't be read/)
    await server.start()
    const second = await push(place, 2)
    await run.says(/remote is ready after .*swapped count/)
    assert.match(run.said.stdout, `main@sha1:${second.slice(0, 7)} Say 2`)
    assert.not.match(run.said.stdout + run.said.stderr, server.keyFile)
  } finally {
    await cli(['stop', '--state', state])
    run.process.kill()
    await run.end()
  }
})

check('says who is at fault: the key, the server, or the path', async ({ server, repository, url }) => {
  const { keyFile, knownHostsFile } = server
  const stranger = await server.makeKey('stranger')
  const absent = server.url(`${repository.root}/absent.git`)
  const reasons = await Promise.all([
    refusal(join(repository.root, '1'), url, { keyFile: stranger, knownHostsFile }),
    refusal(join(repository.root, '2'), url, { keyFile, knownHostsFile: '/dev/null' }),
    refusal(join(repository.root, '3'), absent, { keyFile, knownHostsFile }),
  ])
  assert.equal(reasons, [
    'AuthenticationFailed, stalled',
    'HostKeyUnknown, stalled',
    'RepositoryNotFound, waiting',
  ])
})

async function refusal(cacheDir: string, url: string, ssh: SshKey): Promise<string> {
  const source = gitSource({ url, ssh, cacheDir })
  const problem = await source.fetch(new AbortController().signal).catch(error => error)
  await source.close()
  return problem instanceof Problem ? `${problem.reason}, ${problem.disposition}` : String(problem)
}

Ssh.run()
