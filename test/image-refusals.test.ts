import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer as createHttp } from 'node:http'
import { createServer as createTls } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { blobOf } from '../builder/image/blob.ts'
import { findBase, pullSecretCredentials, Repository } from '../builder/image/index.ts'
import { failure } from './support/failure.ts'
import { type ImagePlace, makeImagePlace } from './support/image-place.ts'
import { freePort } from './support/process-broker.ts'
import { hasRegistry, startRegistry, type TestRegistry } from './support/registry.ts'
import { type Refusal, type RegistryProxy, startRegistryProxy } from './support/registry-proxy.ts'

interface Context {
  place: ImagePlace
  registry: TestRegistry
  proxy: RegistryProxy
}

const Refusals = suite<Context>('image: refusals')

Refusals.before(async context => {
  context.place = await makeImagePlace()
  context.registry = await startRegistry()
  context.proxy = await startRegistryProxy(context.registry.host)
})
Refusals.before.each(({ proxy }) => {
  proxy.rule = () => undefined
  proxy.lines.length = 0
})
Refusals.after(async ({ place, registry, proxy }) => {
  await place.remove()
  await proxy.close()
  await registry.close()
})

const brief = { attempts: 3, firstMs: 5, maxMs: 100 }
const some = () => blobOf('text/plain', Buffer.from(`some ${Math.random()}`))

const answers: [refusal: Refusal, reason: string, hint: RegExp, tries: number][] = [
  [
    { status: 403, body: '{"errors":[{"code":"DENIED","message":"quota exceeded"}]}' },
    'RegistryForbidden',
    /quota/,
    1,
  ],
  [{ status: 413, body: '<html>Request Entity Too Large</html>' }, 'RegistryTooLarge', /proxy/, 1],
  [{ status: 507 }, 'RegistryFull', /room/, 1],
  [
    { status: 429, headers: { 'retry-after': '0' }, body: '{"errors":[{"code":"TOOMANYREQUESTS"}]}' },
    'RegistryLimited',
    /later/,
    3,
  ],
  [{ status: 429, headers: { 'retry-after': '3600' } }, 'RegistryLimited', /later/, 1],
  [{ status: 503 }, 'RegistryFailing', /again/, 3],
  [{ status: 500, body: '{"errors":[{"code":"UNKNOWN","message":"disk"}]}' }, 'RegistryFailing', /log/, 3],
  [
    { status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN","message":"no such repository"}]}' },
    'RepositoryMissing',
    /Make/,
    1,
  ],
  [{ status: 404, body: '<html>' }, 'NotARegistry', /v2/, 1],
  [{ status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' }, 'RegistryRefused', /log/, 1],
]

for (const [refusal, reason, hint, tries] of answers) {
  const { status, headers, body } = refusal
  Refusals(
    `${status} ${JSON.stringify(headers ?? '')} ${body ?? ''} is ${reason}`,
    async ({ place, proxy }) => {
      const repository = new Repository(place.registry(proxy.host, { patience: brief }), 'refused')
      proxy.rule = line => (line.startsWith('POST') ? refusal : undefined)
      const problem = await failure(repository.putBlob(some()))
      assert.is(problem.name, 'Problem')
      assert.is(problem.reason, reason)
      assert.match(problem.hint!, hint)
      assert.match(
        problem.message,
        status === 404 && body === '<html>' ? proxy.host : `push to ${proxy.host}/refused`,
      )
      const sent = proxy.lines.filter(line => line.startsWith('POST')).length
      assert.is(sent, tries)
    },
  )
}

Refusals('a registry that recovers is not told of', async ({ place, proxy }) => {
  let left = 2
  proxy.rule = line => (line.startsWith('P') && left-- > 0 ? { status: 503 } : undefined)
  const repository = new Repository(place.registry(proxy.host, { patience: brief }), 'recovers')
  const blob = some()
  await repository.putBlob(blob)
  assert.is(await repository.hasBlob(blob.descriptor.digest), true)
})

Refusals('without credentials, or with wrong ones, says so, and shows none', async ({ place }) => {
  const registry = await startRegistry({ users: { ci: 'right' } })
  try {
    const wrong = pullSecretCredentials(
      JSON.stringify({ auths: { [registry.host]: { username: 'ci', password: 'wr0ng' } } }),
    )
    for (const credentials of [async () => undefined, wrong]) {
      const repository = new Repository(place.registry(registry.host, { credentials }), 'private')
      const problem = await failure(repository.putBlob(some()))
      assert.is(problem.reason, 'RegistryUnauthorized')
      assert.is(problem.disposition, 'waiting')
      assert.match(problem.hint!, 'docker login')
      assert.not.match(`${problem.message} ${problem.stack}`, 'wr0ng')
    }
  } finally {
    await registry.close()
  }
})

Refusals('credentials that come later are used', async ({ place }) => {
  const registry = await startRegistry({ users: { ci: 'right' } })
  try {
    let password = 'wrong'
    const credentials = async () => ({ username: 'ci', password })
    const repository = new Repository(place.registry(registry.host, { credentials }), 'private')
    assert.is((await failure(repository.putBlob(some()))).reason, 'RegistryUnauthorized')
    password = 'right'
    assert.ok((await repository.putBlob(some())) > 0)
  } finally {
    await registry.close()
  }
})

Refusals('a certificate of an unknown authority, or for another name', async ({ place }) => {
  const registry = await startRegistry({ tls: true })
  try {
    const port = registry.host.split(':')[1]
    const authorities = await readFile(registry.caFile!, 'utf8')
    const unknown = new Repository(place.registry(registry.host, { tls: true, patience: brief }), 'any')
    const problem = await failure(unknown.digestOf('t'))
    assert.is(problem.reason, 'RegistryUntrusted')
    assert.match(problem.hint!, 'PEM')
    const elsewhere = new Repository(
      place.registry(`localhost:${port}`, { tls: true, authorities, patience: brief }),
      'any',
    )
    assert.match((await failure(elsewhere.digestOf('t'))).message, 'another name')
  } finally {
    await registry.close()
  }
})

Refusals('TLS to a registry that has none', async ({ place, registry }) => {
  const repository = new Repository(place.registry(registry.host, { tls: true, patience: brief }), 'any')
  const problem = await failure(repository.digestOf('t'))
  assert.is(problem.reason, 'RegistryWithoutTls')
  assert.match(problem.hint!, 'http://')
})

Refusals('nobody there', async ({ place }) => {
  const gone = new Repository(place.registry(`127.0.0.1:${await freePort()}`, { patience: brief }), 'any')
  const problem = await failure(gone.digestOf('t'))
  assert.is(problem.reason, 'RegistryUnreachable')
  assert.is(problem.disposition, 'transient')
  assert.match(problem.message, 'ECONNREFUSED')
})

Refusals('something that never answers', async ({ place }) => {
  const silent = createServer().listen(0, '127.0.0.1')
  await new Promise(done => silent.once('listening', done))
  try {
    const host = `127.0.0.1:${(silent.address() as AddressInfo).port}`
    const patience = { attempts: 2, firstMs: 5, maxMs: 5 }
    const repository = new Repository(place.registry(host, { patience, silentMs: 200 }), 'any')
    assert.match((await failure(repository.digestOf('t'))).message, 'does not answer (ETIMEDOUT)')
  } finally {
    silent.close()
  }
})

Refusals(
  'a registry that is away is tried as often as told, and not that often each time',
  async ({ place }) => {
    let connections = 0
    const away = createServer(socket => {
      connections += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(away, 'listening')
    try {
      const host = `127.0.0.1:${(away.address() as AddressInfo).port}`
      const repository = new Repository(place.registry(host, { patience: brief }), 'any')
      assert.is((await failure(repository.digestOf('t'))).reason, 'RegistryUnreachable')
      assert.is(connections, brief.attempts)
    } finally {
      away.close()
    }
  },
)

Refusals('who gives up does not wait for a registry that says nothing, and others do', async ({ place }) => {
  const server = createHttp().listen(0, '127.0.0.1')
  await once(server, 'listening')
  try {
    const client = place.registry(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    const asked = once(server, 'request')
    const patient = new Repository(client, 'any').digestOf('t')
    const [, response] = await asked
    const giving = new AbortController()
    const impatient = new Repository(client, 'any', giving.signal).digestOf('t')
    giving.abort()
    assert.is((await failure(impatient)).name, 'AbortError')
    server.on('request', (_, later) => later.writeHead(404).end())
    response.writeHead(200, { 'docker-distribution-api-version': 'registry/2.0' }).end('{}')
    assert.is(await patient, undefined)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

const others: [what: string, answer: Refusal][] = [
  ['a web site', { status: 200, headers: { 'content-type': 'text/html' }, body: '<html>Welcome</html>' }],
  ['a server that knows no such path', { status: 404, body: 'not found' }],
]
for (const [what, { status, headers, body }] of others) {
  Refusals(`${what} is no registry`, async ({ place }) => {
    const server = createHttp((_, response) => {
      response.writeHead(status, headers).end(body)
    }).listen(0, '127.0.0.1')
    await new Promise(done => server.once('listening', done))
    try {
      const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
      const problem = await failure(
        new Repository(place.registry(host, { patience: brief }), 'any').digestOf('t'),
      )
      assert.is(problem.reason, 'NotARegistry')
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
}

Refusals('a registry that leads passwords to a token server without TLS', async ({ place }) => {
  const registry = await startRegistry({ tls: true })
  let led = 0
  const server = createTls(registry.tls!, (_, response) => {
    response
      .writeHead(401, { 'www-authenticate': 'Bearer realm="http://tokens.example.org/",service="x"' })
      .end()
    led++
  }).listen(0, '127.0.0.1')
  await new Promise(done => server.once('listening', done))
  try {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
    const authorities = await readFile(registry.caFile!, 'utf8')
    const credentials = async () => ({ username: 'ci', password: 'secret' })
    const client = place.registry(host, { tls: true, authorities, credentials, patience: brief })
    assert.is((await failure(new Repository(client, 'any').digestOf('t'))).reason, 'TokenServerUnsafe')
    assert.ok(led > 0)
  } finally {
    server.closeAllConnections()
    server.close()
    await registry.close()
  }
})

Refusals('a base that is not there, or is none', async ({ place, registry }) => {
  const repository = new Repository(place.registry(registry.host), 'bases')
  const problem = await failure(findBase(repository, 'missing'))
  assert.is(problem.reason, 'BaseNotFound')
  assert.match(problem.message, `${registry.host}/bases:missing`)
  assert.match(problem.hint!, 'dyninka base')
})

if (hasRegistry()) Refusals.run()
else console.log('Skipped: 23') // no docker-registry here
