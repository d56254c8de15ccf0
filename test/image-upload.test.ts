import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Blob, digestOf } from '../builder/image/blob.ts'
import { findBase, pushFunctionImage, Repository } from '../builder/image/index.ts'
import { chunkBytes } from '../builder/image/registry/upload.ts'
import { failure } from './support/failure.ts'
import { type ImagePlace, makeImagePlace, pushTinyBase } from './support/image-place.ts'
import { hasRegistry, startRegistry, type TestRegistry } from './support/registry.ts'
import { type RegistryProxy, startRegistryProxy } from './support/registry-proxy.ts'

interface Context {
  place: ImagePlace
  registry: TestRegistry
  proxy: RegistryProxy
}

const Upload = suite<Context>('image: upload')

Upload.before(async context => {
  context.place = await makeImagePlace()
  context.registry = await startRegistry()
  context.proxy = await startRegistryProxy(context.registry.host)
})
Upload.before.each(({ proxy }) => {
  proxy.rule = () => undefined
  proxy.lines.length = 0
  proxy.headers.length = 0
  proxy.received = 0
})
Upload.after(async ({ place, registry, proxy }) => {
  await place.remove()
  await proxy.close()
  await registry.close()
})

/** Of random bytes, in a file, as a layer of a base is. */
async function largeBlob(place: ImagePlace, bytes: number): Promise<Blob & { content: { file: string } }> {
  const content = randomBytes(bytes)
  const file = join(place.folder, `large-${bytes}`)
  await writeFile(file, content)
  const mediaType = 'application/vnd.oci.image.layer.v1.tar'
  return { descriptor: { mediaType, digest: digestOf(content), size: bytes }, content: { file } }
}

async function arrived(repository: Repository, blob: Blob, place: ImagePlace) {
  await repository.fetchBlob(blob.descriptor, join(place.folder, 'back')) // checks the digest
}

const mb = 1024 * 1024

Upload('sends what is large in chunks', async ({ place, proxy }) => {
  const blob = await largeBlob(place, 20 * mb)
  const repository = new Repository(place.registry(proxy.host), 'large')
  assert.is(await repository.putBlob(blob), 20 * mb)
  const ranges = proxy.headers.map(headers => headers['content-range']).filter(Boolean)
  assert.equal(ranges, [
    `0-${chunkBytes - 1}`,
    `${chunkBytes}-${2 * chunkBytes - 1}`,
    `${2 * chunkBytes}-${20 * mb - 1}`,
  ])
  await arrived(repository, blob, place)
  assert.is(await repository.putBlob(blob), 0)
})

Upload('goes on after a cut where the registry has come to', async ({ place, proxy }) => {
  const blob = await largeBlob(place, 20 * mb)
  let cuts = 0
  proxy.rule = line =>
    line.startsWith('PATCH') && cuts++ === 1 ? { cutAfter: -1, of: 'request' } : undefined
  const repository = new Repository(place.registry(proxy.host), 'cut')
  assert.is(await repository.putBlob(blob), 20 * mb + chunkBytes)
  assert.is(proxy.lines.filter(line => line.startsWith('POST')).length, 1)
  await arrived(repository, blob, place)
})

// Distribution before 3 gives an upload up of which it has more than it has said.
Upload('begins anew when the registry does not know where it is', async ({ place, proxy }) => {
  const blob = await largeBlob(place, 20 * mb)
  let cuts = 0
  proxy.rule = line =>
    line.startsWith('PATCH') && cuts++ === 1 ? { cutAfter: mb, of: 'request' } : undefined
  const repository = new Repository(place.registry(proxy.host), 'torn')
  await repository.putBlob(blob)
  await arrived(repository, blob, place)
})

Upload('sends a blob once when only the answer is lost', async ({ place, proxy }) => {
  const blob = await largeBlob(place, 200_000)
  let cuts = 0
  proxy.rule = line => (line.startsWith('PUT') && cuts++ === 0 ? { cutAfter: -1, of: 'answer' } : undefined)
  const repository = new Repository(place.registry(proxy.host), 'lost')
  assert.is(await repository.putBlob(blob), 200_000)
  assert.is(proxy.lines.filter(line => line.startsWith('PUT')).length, 1)
  await arrived(repository, blob, place)
})

for (const forgetsUploads of [false, true]) {
  const how = forgetsUploads ? 'has forgotten the upload' : 'remembers the upload'
  Upload(`outlives a registry that is killed in the middle, and ${how}`, async ({ place }) => {
    const registry = await startRegistry({ forgetsUploads })
    const proxy = await startRegistryProxy(registry.host)
    try {
      const blob = await largeBlob(place, 24 * mb)
      const client = place.registry(proxy.host, { patience: { attempts: 30, firstMs: 50, maxMs: 300 } })
      const repository = new Repository(client, 'killed')
      const pushing = repository.putBlob(blob)
      while (proxy.received < 9 * mb) await sleep(1)
      await registry.kill()
      await sleep(200)
      await registry.restart()
      const sent = await pushing
      assert.ok(sent >= 24 * mb)
      await arrived(repository, blob, place)
    } finally {
      await proxy.close()
      await registry.close()
    }
  })
}

Upload('sends again what was altered on the way', async ({ place, proxy }) => {
  const blob = await largeBlob(place, 100_000)
  let altered = 0
  proxy.rule = line => (line.startsWith('PUT') && altered++ === 0 ? { alter: true } : undefined)
  const repository = new Repository(place.registry(proxy.host), 'altered')
  assert.is(await repository.putBlob(blob), 200_000)
  await arrived(repository, blob, place)
})

Upload('sends the parts of a push once, however many pushes need them', async ({ place, registry }) => {
  const client = place.registry(registry.host)
  const base = await pushTinyBase(client)
  const artifacts = []
  for (let i = 0; i < 8; i++) artifacts.push(await place.artifact(`export default () => ${i}\n`))
  const repository = new Repository(client, 'many')
  const pushed = await Promise.all(
    artifacts.map(artifact => pushFunctionImage({ artifact, runtime: place.runtime, base, repository })),
  )
  assert.is(new Set(pushed.map(({ digest }) => digest)).size, 8)
  assert.is(pushed.filter(({ bytesPushed }) => bytesPushed > 50_000).length, 1, 'the host went once')
})

Upload('lets several controllers push the same image at the same time', async ({ place, registry }) => {
  await pushTinyBase(place.registry(registry.host))
  const artifact = await place.artifact()
  const pushed = await Promise.all(
    Array.from({ length: 5 }, async () => {
      const client = place.registry(registry.host)
      const base = await findBase(new Repository(client, 'base'), 'tiny')
      return pushFunctionImage({
        artifact,
        runtime: place.runtime,
        base,
        repository: new Repository(client, 'race'),
      })
    }),
  )
  assert.is(new Set(pushed.map(({ reference }) => reference)).size, 1)
  const args = [
    'copy',
    '--src-tls-verify=false',
    '--all',
    `docker://${pushed[0]!.reference}`,
    `oci:${place.folder}/race:t`,
  ]
  await promisify(execFile)('skopeo', args)
})

Upload('completes on the next try what a dead controller began', async ({ place, registry, proxy }) => {
  const client = place.registry(proxy.host, { patience: { attempts: 1, firstMs: 1, maxMs: 1 } })
  const base = await pushTinyBase(client)
  const repository = new Repository(client, 'dead')
  const artifact = await place.artifact()
  const push = () => pushFunctionImage({ artifact, runtime: place.runtime, base, repository })
  let left = 12
  proxy.rule = line => (/^(POST|PUT)/.test(line) && left-- <= 0 ? { cutAfter: -1, of: 'request' } : undefined)
  assert.is((await failure(push())).reason, 'RegistryUnreachable')
  proxy.rule = () => undefined
  assert.is((await push()).pushed, true)
  const { digest } = await push()
  assert.ok(registry.requests().some(line => line.includes(digest.slice(7, 20))))
})

Upload('sends what the registry has lost since it was seen there', async ({ place, registry }) => {
  const client = place.registry(registry.host)
  const base = await pushTinyBase(client)
  const repository = new Repository(client, 'wiped')
  const push = async (code: string) =>
    pushFunctionImage({ artifact: await place.artifact(code), runtime: place.runtime, base, repository })
  await push('export default () => 1\n')
  await rm(join(registry.storage, 'docker/registry/v2/repositories/wiped'), { recursive: true })
  const pushed = await push('export default () => 2\n')
  assert.ok(pushed.bytesPushed > 50_000, 'the host went again')
})

Upload('refuses a blob that the registry gives back broken', async ({ place, registry }) => {
  const client = place.registry(registry.host, { patience: { attempts: 2, firstMs: 1, maxMs: 1 } })
  const repository = new Repository(client, 'broken')
  const blob = await largeBlob(place, 100_000)
  await repository.putBlob(blob)
  const hex = blob.descriptor.digest.slice(7)
  const kept = join(registry.storage, 'docker/registry/v2/blobs/sha256', hex.slice(0, 2), hex, 'data')
  assert.is((await readFile(kept)).length, 100_000)
  await truncate(kept, 60_000)
  const { reason } = await failure(arrived(repository, blob, place))
  assert.match(reason, /DigestMismatch|RegistryUnreachable/)
})

Upload('ends at once when it is not wanted any more', async ({ place, proxy }) => {
  const stop = new AbortController()
  const repository = new Repository(place.registry(proxy.host), 'stopped', stop.signal)
  const pushing = repository.putBlob(await largeBlob(place, 24 * mb))
  while (proxy.received < mb) await sleep(1)
  stop.abort()
  assert.is((await failure(pushing)).name, 'AbortError')
})

if (hasRegistry()) Upload.run()
else console.log('Skipped: 13') // no docker-registry here
