import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { dockerCredentials, parseReference, pullSecretCredentials } from '../builder/image/index.ts'
import { challengeIn } from '../builder/image/registry/challenge.ts'
import { failure } from './support/failure.ts'

const Credentials = suite<{ folder: string }>('image: credentials')

Credentials.before.each(async context => {
  context.folder = await mkdtemp(join(tmpdir(), 'dyninka-docker-'))
})
Credentials.after.each(({ folder }) => rm(folder, { recursive: true, force: true }))

const encoded = (text: string) => Buffer.from(text).toString('base64')
const written = (folder: string, config: object) =>
  writeFile(join(folder, 'config.json'), JSON.stringify(config))

Credentials('are those of the entry that names most of the repository', async () => {
  const auths = {
    'registry.example.org': { auth: encoded('all:1') },
    'https://registry.example.org/team': { auth: encoded('team:2') },
    'registry.example.org/team/secret': { username: 'secret', password: '3:3' },
    'registry.example.org:5000': { auth: encoded('port:4') },
    'https://index.docker.io/v1/': { auth: encoded('hub:5') },
  }
  const find = pullSecretCredentials(JSON.stringify({ auths }))
  const user = async (host: string, repository: string) => (await find(host, repository))?.username
  assert.is(await user('registry.example.org', 'other/image'), 'all')
  assert.is(await user('registry.example.org', 'team/image'), 'team')
  assert.is(await user('registry.example.org', 'teams/image'), 'all')
  assert.equal(await find('registry.example.org', 'team/secret'), { username: 'secret', password: '3:3' })
  assert.is(await user('registry.example.org:5000', 'team/image'), 'port')
  assert.is(await user('docker.io', 'library/node'), 'hub')
  assert.is(await user('elsewhere.example.org', 'team/image'), undefined)
})

Credentials('are read anew each time, and there may be none', async ({ folder }) => {
  const find = dockerCredentials(folder)
  assert.is(await find('host', 'x'), undefined)
  await written(folder, { auths: { host: { auth: encoded('a:b') } } })
  assert.equal(await find('host', 'x'), { username: 'a', password: 'b' })
})

Credentials('come from a helper that is asked as Docker asks', async ({ folder }) => {
  const helper = join(folder, 'docker-credential-test')
  const reply = '{"ServerURL":"x","Username":"helped","Secret":"by it"}'
  await writeFile(helper, `#!/bin/sh\nread host\n[ "$1 $host" = "get host" ] && echo '${reply}' || exit 1\n`)
  await chmod(helper, 0o755)
  await written(folder, {
    credHelpers: { host: 'test', other: 'missing' },
    auths: { other: { auth: encoded('a:b') } },
  })
  const before = process.env.PATH
  process.env.PATH = `${folder}:${before}`
  try {
    const find = dockerCredentials(folder)
    assert.equal(await find('host', 'x'), { username: 'helped', password: 'by it' })
    assert.equal(await find('other', 'x'), { username: 'a', password: 'b' })
  } finally {
    process.env.PATH = before
  }
})

Credentials('that are no JSON are told of without a word of them', async ({ folder }) => {
  await writeFile(join(folder, 'config.json'), 'p4ssword')
  const problem = await failure(dockerCredentials(folder)('host', 'x'))
  assert.is(problem.reason, 'InvalidCredentials')
  assert.not.match(`${problem.message}${problem.stack}`, 'p4ssword')
  assert.throws(
    () => pullSecretCredentials('p4ssword'),
    (error: Error) => !error.stack!.includes('p4ssword'),
  )
})

const challenges: [header: string | undefined, means: object | undefined][] = [
  [undefined, undefined],
  ['Basic realm="a, b"', { scheme: 'basic' }],
  [
    'Bearer realm="https://t.example.org/token",service="r",scope="repository:a:pull,push"',
    { scheme: 'bearer', realm: 'https://t.example.org/token', service: 'r' },
  ],
  ['bearer realm=https://t.example.org/token', { scheme: 'bearer', realm: 'https://t.example.org/token' }],
  ['Negotiate, Basic realm="x"', { scheme: 'basic' }],
  ['Digest realm="x"', undefined],
  ['Bearer service="no realm"', undefined],
]
for (const [header, means] of challenges) {
  Credentials(`challenge ${header}`, () => assert.equal(challengeIn(header), means))
}

const digest = `sha256:${'a'.repeat(64)}`
const references: [
  text: string,
  means: [scheme: string, host: string, repository: string, tag?: string, digest?: string],
][] = [
  ['registry.example.org/a/b:1.0', ['https', 'registry.example.org', 'a/b', '1.0', undefined]],
  [`registry.example.org:5000/a@${digest}`, ['https', 'registry.example.org:5000', 'a', undefined, digest]],
  [`127.0.0.1:5000/a:t@${digest}`, ['http', '127.0.0.1:5000', 'a', 't', digest]],
  ['https://localhost/a', ['https', 'localhost', 'a', undefined, undefined]],
  ['http://registry.internal/a', ['http', 'registry.internal', 'a', undefined, undefined]],
  ['[::1]:5000/a', ['http', '[::1]:5000', 'a', undefined, undefined]],
  ['node:24', ['https', 'docker.io', 'library/node', '24', undefined]],
  ['team/image', ['https', 'docker.io', 'team/image', undefined, undefined]],
]
for (const [text, means] of references) {
  Credentials(`reference ${text}`, () => {
    const { registry, repository, tag, digest } = parseReference(text)
    assert.equal([registry.scheme, registry.host, repository, tag, digest], means)
  })
}

for (const text of [
  '',
  'registry.example.org/',
  'registry.example.org/Upper',
  'r.example.org/a:b c',
  'r.example.org/a@sha256:1',
  'https:///a',
  'user:pass@r.example.org/a',
  'r.example.org/../a',
]) {
  Credentials(`no reference: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseReference(text),
      (error: { reason?: string }) => error.reason === 'InvalidReference',
    )
  })
}

Credentials.run()
