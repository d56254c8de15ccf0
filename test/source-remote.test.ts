import { execFile } from 'node:child_process'
import { chmod, readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type GitSourceOptions, gitSource, redact, type Source } from '../controller/source/index.ts'
import { Problem } from '../schema/problem.ts'
import { makeAuthority } from './support/authority.ts'
import { type GitServer, startGitServer } from './support/git-server.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  server: GitServer
  open(options?: Partial<GitSourceOptions>): Source
}

const auth = { username: 'ada', password: 's3cr3t&odd/$(x)' }
const never = new AbortController().signal
const sources: Source[] = []

/** Over HTTP that asks for a password, and SSH. */
const Remote = suite<Place>('source: remote')

Remote.before.each(async place => {
  place.repository = await makeRepository()
  await place.repository.write({ 'a.txt': 'one' })
  await place.repository.commit()
  await place.repository.push()
  place.server = await startGitServer(place.repository.root, { auth })
  const url = `${place.server.url}/repository.git`
  place.open = options => {
    const source = gitSource({ url, cacheDir: join(place.repository.root, 'cache'), ...options })
    sources.push(source)
    return source
  }
})
Remote.after.each(async ({ repository, server }) => {
  for (const source of sources.splice(0)) await source.close()
  await server.stop()
  await repository.remove()
})

async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  const outcome: unknown = await promise.catch(error => error)
  if (outcome instanceof Problem) return outcome
  throw outcome instanceof Error ? outcome : new Error(`no problem, but ${JSON.stringify(outcome)}`)
}

/** Command lines of everything that runs on this machine and names the text. */
async function running(text: string): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-A', '-ww', '-o', 'args'])
  return stdout.split('\n').filter(line => line.includes(text))
}

Remote('shows credentials to the server, and to nobody else', async ({ server, open, repository }) => {
  server.delayMs = 300
  const source = open({ credentials: auth })
  const fetching = source.fetch(never)
  let lines: string[] = []
  while (lines.length === 0) lines = await running(server.url) // Git waits for the server now
  assert.equal(await running(auth.password), [])
  server.delayMs = 0
  assert.is(await readFile(join((await fetching).tree, 'a.txt'), 'utf8'), 'one')
  for (const entry of await readdir(join(repository.root, 'cache'), {
    recursive: true,
    withFileTypes: true,
  })) {
    if (!entry.isFile()) continue
    assert.not.match(await readFile(join(entry.parentPath, entry.name), 'utf8'), auth.password)
  }
})

Remote('takes credentials out of the URL', async ({ server, open }) => {
  const { username, password } = auth
  const url = new URL(`${server.url}/repository.git`)
  Object.assign(url, { username, password: encodeURIComponent(password) })
  assert.ok(await open({ url: url.href }).fetch(never))
  const wrong = new URL(url)
  wrong.password = 'hunter2'
  const problem = await problemOf(open({ url: wrong.href }).fetch(never))
  assert.is(problem.reason, 'AuthenticationFailed')
  assert.not.match(`${problem.message} ${problem.stack} ${JSON.stringify(problem)}`, 'hunter2')
})

Remote('says that credentials are wrong or missing, and asks nobody', async ({ open }) => {
  for (const credentials of [undefined, { username: 'ada', password: 'wrong' }]) {
    const { reason, disposition, message } = await problemOf(
      open(credentials ? { credentials } : {}).fetch(never),
    )
    assert.equal({ reason, disposition }, { reason: 'AuthenticationFailed', disposition: 'stalled' })
    assert.not.match(message, 'wrong')
  }
})

Remote('gives the credentials to no other server', async ({ server, repository, open }) => {
  const other = await startGitServer(repository.root, { auth })
  const redirecting = (await import('node:http')).createServer((request, response) =>
    response.writeHead(302, { location: other.url + request.url }).end(),
  )
  await new Promise<void>(done => redirecting.listen(0, '127.0.0.1', done))
  const { port } = redirecting.address() as { port: number }
  try {
    const url = `http://127.0.0.1:${port}/repository.git`
    assert.is((await problemOf(open({ url, credentials: auth }).fetch(never))).reason, 'AuthenticationFailed')
    assert.ok(other.requests.length > 0)
    assert.ok(server)
  } finally {
    redirecting.close()
    redirecting.closeAllConnections()
    await other.stop()
  }
})

Remote('tells a repository that is not there from a server that is not', async ({ server, open }) => {
  const credentials = auth
  const gone = await problemOf(open({ url: `${server.url}/nowhere.git`, credentials }).fetch(never))
  assert.equal([gone.reason, gone.disposition], ['RepositoryNotFound', 'waiting'])
  const source = open({ credentials })
  await server.stop()
  const down = await problemOf(source.fetch(never))
  assert.equal([down.reason, down.disposition], ['SourceUnreachable', 'transient'])
})

Remote('gives up on a server that stays silent', async ({ server, open }) => {
  server.delayMs = 60_000
  const problem = await problemOf(open({ credentials: auth, stallMs: 200 }).fetch(never))
  assert.equal([problem.reason, problem.disposition], ['SourceTimeout', 'transient'])
  await endOf(server.url)
})

Remote('stops Git when it is told to', async ({ server, open }) => {
  server.delayMs = 60_000
  const stopping = new AbortController()
  const fetching = open({ credentials: auth }).fetch(stopping.signal)
  while (server.requests.length === 0) await sleep(5)
  stopping.abort(new Error('a newer commit'))
  assert.is((await fetching.catch(error => error)).message, 'a newer commit')
  await endOf(server.url)
})

Remote('stops Git when it is closed', async ({ server, open }) => {
  server.delayMs = 60_000
  const source = open({ credentials: auth })
  const fetching = problemOf(source.fetch(never))
  while (server.requests.length === 0) await sleep(5)
  await source.close()
  assert.is((await fetching).reason, 'SourceClosed')
  await endOf(server.url)
})

/** Waits until nothing runs that names the server: a leak never ends, and fails by the limit of the run. */
async function endOf(url: string): Promise<void> {
  for (let i = 0; i < 100 && (await running(url)).length; i++) await sleep(20)
  assert.equal(await running(url), [])
}

Remote('asks SSH to use the key and the known hosts, and never to ask', async ({ repository, open }) => {
  // Stands in for the network only: it notes its arguments, and runs what was asked for here.
  const bin = join(repository.root, 'bin')
  await repository.write({
    '../bin/ssh': `#!/bin/sh\nprintf '%s\\n' "$@" >> ${repository.root}/ssh-arguments\nfor last; do :; done\nexec sh -c "$last"\n`,
  })
  await chmod(join(bin, 'ssh'), 0o755)
  const path = process.env.PATH
  process.env.PATH = `${bin}:${path}`
  try {
    const ssh = { keyFile: "/keys/it's mine", knownHostsFile: '/keys/known hosts' }
    const { tree } = await open({ url: `git@example.org:${repository.bare}`, ssh }).fetch(never)
    assert.is(await readFile(join(tree, 'a.txt'), 'utf8'), 'one')
  } finally {
    process.env.PATH = path
  }
  const given = (await readFile(join(repository.root, 'ssh-arguments'), 'utf8')).split('\n')
  for (const argument of [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'StrictHostKeyChecking=yes',
    "/keys/it's mine",
    'UserKnownHostsFile="/keys/known hosts"',
    'git@example.org',
  ])
    assert.ok(given.includes(argument), argument)
})

Remote('says why SSH is refused', async ({ repository, open }) => {
  const mute = createServer(socket => socket.destroy())
  await new Promise<void>(done => mute.listen(0, '127.0.0.1', done))
  const { port } = mute.address() as { port: number }
  await writeFile(join(repository.root, 'key'), '')
  const ssh = { keyFile: join(repository.root, 'key'), knownHostsFile: join(repository.root, 'none') }
  const url = `ssh://git@127.0.0.1:${port}/repository.git`
  const problem = await problemOf(open({ url, ssh }).fetch(never)).finally(() => close(mute))
  assert.equal([problem.reason, problem.disposition], ['SourceUnreachable', 'transient'])
})

const close = (server: Server) => new Promise(done => server.close(done))

Remote(
  'reads over TLS from a server whose authority is trusted, and says what to do for another',
  async place => {
    const { repository, open } = place
    const { tls, caFile } = await makeAuthority(repository.root)
    const server = await startGitServer(repository.root, { auth, tls })
    const url = `${server.url}/repository.git`
    const fetchTrusting = async (file: string | undefined) => {
      if (file === undefined) delete process.env.GIT_SSL_CAINFO
      else process.env.GIT_SSL_CAINFO = file
      return open({ url, credentials: auth }).fetch(never)
    }
    try {
      for (const file of [undefined, join(repository.root, 'none.pem')]) {
        const problem = await problemOf(fetchTrusting(file))
        assert.equal([problem.reason, problem.disposition], ['CertificateUntrusted', 'stalled'])
        assert.match(problem.message, `${url} shows a certificate that is not trusted here`)
        assert.match(problem.hint!, 'GIT_SSL_CAINFO')
      }
      assert.equal(server.requests, [], 'and nobody but the one that is trusted is told the password')
      const { tree } = await fetchTrusting(caFile)
      assert.is(await readFile(join(tree, 'a.txt'), 'utf8'), 'one')
    } finally {
      delete process.env.GIT_SSL_CAINFO
      await server.stop()
    }
  },
)

Remote('shows no user and password of any URL in a text', () => {
  assert.is(redact('at https://a:b@host/x and ssh://git@host'), 'at https://***@host/x and ssh://***@host')
  assert.is(redact('token t0k3n', ['t0k3n', undefined, '']), 'token ***')
})

Remote.run()
