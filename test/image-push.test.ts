import { execFile } from 'node:child_process'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { findBase, pullSecretCredentials, pushFunctionImage, Repository } from '../builder/image/index.ts'
import { type ImagePlace, makeImagePlace, pushTinyBase, source } from './support/image-place.ts'
import { hasRegistry, startRegistry, type TestRegistry } from './support/registry.ts'
import { startTokenServer } from './support/token-server.ts'

const Push = suite<{ place: ImagePlace; registry: TestRegistry }>('image: push')

Push.before(async context => {
  context.place = await makeImagePlace()
  context.registry = await startRegistry()
})
Push.after(async ({ place, registry }) => {
  await place.remove()
  await registry.close()
})

const run = promisify(execFile)
const skopeo = async (...args: string[]) => (await run('skopeo', args)).stdout
const insecure = '--tls-verify=false'

Push(
  'makes an index that others can read, with the same function on each base',
  async ({ place, registry }) => {
    const client = place.registry(registry.host)
    const base = await pushTinyBase(client)
    const artifact = await place.artifact()
    const repository = new Repository(client, 'flows/etl')
    const { runtime } = place
    const pushed = await pushFunctionImage({ artifact, runtime, base, source, repository })
    assert.is(pushed.pushed, true)
    assert.is(pushed.reference, `${registry.host}/flows/etl@${pushed.digest}`)
    const raw = JSON.parse(await skopeo('inspect', '--raw', insecure, `docker://${pushed.reference}`))
    assert.equal(
      raw.manifests.map((entry: { platform: { architecture: string } }) => entry.platform.architecture),
      ['amd64', 'arm64'],
    )
    assert.equal(raw.annotations, {
      'org.opencontainers.image.source': source.url,
      'org.opencontainers.image.revision': source.revision,
      'org.opencontainers.image.base.name': `${registry.host}/base:tiny`,
      'org.opencontainers.image.base.digest': base.digest,
    })
    const layers: string[][] = []
    for (const architecture of ['amd64', 'arm64']) {
      const args = [insecure, '--override-os', 'linux', '--override-arch', architecture]
      const seen = JSON.parse(await skopeo('inspect', ...args, `docker://${pushed.reference}`))
      assert.is(seen.Architecture, architecture)
      layers.push(seen.Layers)
    }
    assert.is.not(layers[0]![0], layers[1]![0])
    assert.equal(layers[0]!.slice(1), layers[1]!.slice(1))
    assert.is(layers[0]!.length, 3)
  },
)

Push(
  'makes an image that holds base, host and function, and starts the host as nobody',
  async ({ place, registry }) => {
    const client = place.registry(registry.host)
    const base = await pushTinyBase(client)
    const artifact = await place.artifact('export default () => "from an image"\n')
    const { runtime } = place
    const { reference } = await pushFunctionImage({
      artifact,
      runtime,
      base,
      repository: new Repository(client, 'run'),
    })
    const layout = join(place.folder, 'pulled')
    await skopeo(
      'copy',
      '--src-tls-verify=false',
      '--override-arch',
      'amd64',
      `docker://${reference}`,
      `oci:${layout}:t`,
    )
    const config = JSON.parse(await skopeo('inspect', '--config', `oci:${layout}:t`))
    assert.is(config.config.User, '65532:65532')
    assert.equal(config.config.Entrypoint, [
      ...[
        '/usr/local/bin/node',
        '--enable-source-maps',
        '--max-semi-space-size=16',
        '--no-parallel-scavenge',
        '/dyninka/host.mjs',
      ],
    ])
    assert.equal(config.config.Env, ['PATH=/usr/local/bin', 'DYNINKA_CODE=/dyninka/function/function.mjs'])
    const { manifests } = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8'))
    const blob = (digest: string) => join(layout, 'blobs', digest.replace(':', '/'))
    const { layers } = JSON.parse(await readFile(blob(manifests[0].digest), 'utf8'))
    const root = join(place.folder, 'root')
    await mkdir(root)
    for (const { digest } of layers) await run('tar', ['xf', blob(digest), '-C', root])
    assert.is(await readFile(join(root, 'etc/arch'), 'utf8'), 'amd64')
    const host = (path: string) => readFile(join(root, 'dyninka', path), 'utf8')
    assert.is(await host('host.mjs'), await readFile(join(runtime.path, 'host.mjs'), 'utf8'))
    for (const name of ['function.mjs', 'function.mjs.map'])
      assert.is(await host(`function/${name}`), await readFile(join(artifact.path, name), 'utf8'))
  },
)

Push(
  'does not push what the registry has, whoever built it, at whatever revision',
  async ({ place, registry }) => {
    const client = place.registry(registry.host)
    const base = await pushTinyBase(client)
    const artifact = await place.artifact('export default () => 3\n')
    const first = await pushFunctionImage({
      ...{ artifact, runtime: place.runtime, base, source },
      repository: new Repository(client, 'once'),
    })
    const elsewhere = await makeImagePlace()
    try {
      const same = await elsewhere.artifact('export default () => 3\n')
      const other = elsewhere.registry(registry.host)
      const before = registry.requests().length
      const again = await pushFunctionImage({
        artifact: same,
        runtime: elsewhere.runtime,
        base: await findBase(new Repository(other, 'base'), base.digest),
        source: { ...source, revision: '8'.repeat(40) },
        repository: new Repository(other, 'once'),
      })
      assert.is(again.pushed, false)
      assert.is(again.bytesPushed, 0)
      assert.is(again.reference, first.reference)
      assert.equal(
        registry
          .requests()
          .slice(before)
          .filter(line => !/^(GET|HEAD) /.test(line)),
        [],
      )
    } finally {
      await elsewhere.remove()
    }
  },
)

Push('sends a few KB for a changed function, and nothing of base and host', async ({ place, registry }) => {
  const client = place.registry(registry.host)
  const base = await pushTinyBase(client)
  const repository = new Repository(client, 'changed')
  const push = async (code: string) =>
    pushFunctionImage({
      artifact: await place.artifact(code),
      runtime: place.runtime,
      base,
      source,
      repository,
    })
  const first = await push('export default () => 1\n')
  const second = await push('export default () => 2\n')
  assert.ok(first.bytesPushed > 50_000, 'the host went along')
  assert.ok(second.bytesPushed < 10_240, `${second.bytesPushed} bytes`)
})

Push('makes the image of a source or sink without a function', async ({ place, registry }) => {
  const client = place.registry(registry.host)
  const base = await pushTinyBase(client, ['amd64'])
  const repository = new Repository(client, 'sinks')
  const { reference } = await pushFunctionImage({ runtime: place.runtime, base, repository })
  const config = JSON.parse(
    await skopeo('inspect', '--config', insecure, '--override-arch', 'amd64', `docker://${reference}`),
  )
  assert.equal(config.config.Env, ['PATH=/usr/local/bin'])
})

Push('brings a base over from another registry', async ({ place, registry }) => {
  const other = await startRegistry()
  try {
    const base = await pushTinyBase(place.registry(other.host))
    const artifact = await place.artifact()
    const repository = new Repository(place.registry(registry.host), 'from-afar')
    const { reference } = await pushFunctionImage({ artifact, runtime: place.runtime, base, repository })
    await skopeo(
      'copy',
      '--src-tls-verify=false',
      '--all',
      `docker://${reference}`,
      `oci:${place.folder}/afar:t`,
    )
  } finally {
    await other.close()
  }
})

Push('pushes over TLS with an authority of its own, and a password', async ({ place }) => {
  const registry = await startRegistry({ tls: true, users: { ci: 'pass:word' } })
  try {
    const auths = { [registry.host]: { auth: Buffer.from('ci:pass:word').toString('base64') } }
    const client = place.registry(registry.host, {
      tls: true,
      authorities: await readFile(registry.caFile!, 'utf8'),
      credentials: pullSecretCredentials(JSON.stringify({ auths })),
    })
    const base = await pushTinyBase(client)
    const repository = new Repository(client, 'flows/etl')
    const { reference } = await pushFunctionImage({
      ...{ artifact: await place.artifact(), runtime: place.runtime, base, repository },
    })
    const login = ['--creds', 'ci:pass:word', insecure]
    assert.match(await skopeo('inspect', '--raw', ...login, `docker://${reference}`), 'manifests')
  } finally {
    await registry.close()
  }
})

Push('gets tokens from a token server, one for each scope, and new ones in time', async ({ place }) => {
  const tokens = await startTokenServer(place.folder, { ci: 'secret' })
  const registry = await startRegistry({ token: tokens })
  try {
    const auths = { [registry.host]: { username: 'ci', password: 'secret' } }
    const credentials = pullSecretCredentials(JSON.stringify({ auths }))
    const client = place.registry(registry.host, { credentials })
    const base = await pushTinyBase(client)
    const repository = new Repository(client, 'flows/etl')
    const push = async (code: string) =>
      pushFunctionImage({ artifact: await place.artifact(code), runtime: place.runtime, base, repository })
    await push('export default () => 1\n')
    const asked = new Set(tokens.asked.map(scopes => scopes.join(' ')))
    assert.equal(
      asked,
      new Set([
        'repository:base:pull,push',
        'repository:flows/etl:pull,push',
        'repository:flows/etl:pull,push repository:base:pull',
      ]),
    )
    assert.is(tokens.asked.length, 3)
    tokens.lifeSeconds = 2 // half of it is used
    const short = place.registry(registry.host, { credentials })
    await new Repository(short, 'flows/etl').digestOf('none')
    const before = tokens.asked.length
    await new Promise(done => setTimeout(done, 1_200))
    await new Repository(short, 'flows/etl').digestOf('none')
    assert.is(tokens.asked.length, before + 1)
  } finally {
    await registry.close()
    await tokens.close()
  }
})

if (hasRegistry()) Push.run()
else console.log('Skipped: 8') // no docker-registry here
