import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Descriptor } from '../builder/image/blob.ts'
import { jsonBlob } from '../builder/image/blob.ts'
import type { ImageManifest } from '../builder/image/image.ts'
import { publicKeyOf, pushFunctionImage, Repository, signingKey } from '../builder/image/index.ts'
import { attach, pushDocuments } from '../builder/image/referrers.ts'
import { signImage } from '../builder/image/signature.ts'
import { type ImagePlace, makeImagePlace, pushTinyBase, source } from './support/image-place.ts'
import { hasRegistry, startRegistry, type TestRegistry } from './support/registry.ts'
import { startRegistryProxy } from './support/registry-proxy.ts'

interface Context {
  place: ImagePlace
  registry: TestRegistry
}

const run = promisify(execFile)
const Documents = suite<Context>('image: documents')

Documents.before(async context => {
  context.place = await makeImagePlace()
  context.registry = await startRegistry()
})
Documents.after(async ({ place, registry }) => {
  await place.remove()
  await registry.close()
})

async function push({ place, registry }: Context, to: string, more: object = {}) {
  const client = place.registry(registry.host)
  const base = await pushTinyBase(client)
  const repository = new Repository(client, to)
  const artifact = await place.artifact(`export default () => '${to}'\n`)
  const pushed = await pushFunctionImage({
    artifact,
    runtime: place.runtime,
    base,
    source,
    repository,
    ...more,
  })
  return { ...pushed, repository, artifact, base }
}

async function read(repository: Repository, reference: string) {
  const stored = await repository.manifest(reference)
  return stored && JSON.parse(stored.content.toString('utf8'))
}

/** Lists what refers to an image as a client does where there is no API for it. */
async function referrers(repository: Repository, digest: string): Promise<Descriptor[]> {
  return (await read(repository, digest.replace(':', '-')))?.manifests ?? []
}

Documents('an image has a bill of materials and provenance beside it', async context => {
  const { repository, digest, artifact, base } = await push(context, 'told')
  const found = await referrers(repository, digest)
  assert.equal(found.map(({ artifactType }) => artifactType).sort(), [
    'application/spdx+json',
    'application/vnd.in-toto+json',
  ])
  const documents: Record<string, unknown>[] = []
  for (const descriptor of found.sort((a, b) => (a.artifactType! < b.artifactType! ? -1 : 1))) {
    const manifest: ImageManifest = await read(repository, descriptor.digest)
    assert.is(manifest.subject?.digest, digest)
    assert.is(manifest.artifactType, descriptor.artifactType)
    for (const layer of manifest.layers)
      documents.push(JSON.parse((await repository.blob(layer)).toString('utf8')))
  }
  const [sbom, host, statement] = documents as unknown as [Sbom, Sbom, Statement]
  assert.is(sbom.spdxVersion, 'SPDX-2.3')
  assert.equal(
    sbom.packages.map(({ name, versionInfo }) => [name, versionInfo]),
    [
      ['function', artifact.digest],
      [base.name, base.digest],
    ],
  )
  assert.is(sbom.packages[0]!.downloadLocation, `git+${source.url}@${source.revision}`)
  assert.is(sbom.externalDocumentRefs![0]!.spdxDocument, host.documentNamespace)
  const codec = host.packages.find(({ name }) => name === 'mqtt-packet')
  assert.match(codec!.externalRefs![0]!.referenceLocator, /^pkg:npm\/mqtt-packet@\d+\.\d+\.\d+$/)
  assert.is(codec!.licenseDeclared, 'MIT')
  for (const { packages, relationships } of [sbom, host]) {
    const known = new Set([
      'SPDXRef-DOCUMENT',
      'DocumentRef-host:SPDXRef-host',
      ...packages.map(({ SPDXID }) => SPDXID),
    ])
    for (const { spdxElementId, relatedSpdxElement } of relationships) {
      assert.ok(
        known.has(spdxElementId) && known.has(relatedSpdxElement),
        `${spdxElementId} ${relatedSpdxElement}`,
      )
    }
  }
  assert.is(statement.predicateType, 'https://slsa.dev/provenance/v1')
  assert.is(`sha256:${statement.subject[0]!.digest.sha256}`, digest)
  const { externalParameters, resolvedDependencies } = statement.predicate.buildDefinition
  assert.equal(externalParameters, { artifact: artifact.digest, inputs: ['functions/a.ts'] })
  assert.equal(resolvedDependencies[0], { uri: `git+${source.url}`, digest: { gitCommit: source.revision } })
})

interface Sbom {
  spdxVersion: string
  documentNamespace: string
  externalDocumentRefs?: { spdxDocument: string }[]
  packages: {
    SPDXID: string
    name: string
    versionInfo: string
    downloadLocation: string
    licenseDeclared?: string
    externalRefs?: { referenceLocator: string }[]
  }[]
  relationships: { spdxElementId: string; relatedSpdxElement: string }[]
}
interface Statement {
  predicateType: string
  subject: { digest: { sha256: string } }[]
  predicate: {
    buildDefinition: { externalParameters: object; resolvedDependencies: { uri: string; digest?: object }[] }
  }
}

Documents('a list that others write to keeps what they wrote', async context => {
  const { repository, digest } = await push(context, 'shared')
  const referrer = (i: number) => ({
    artifactType: 'application/x-scan',
    documents: [jsonBlob('application/json', { i })],
  })
  const subject = (await repository.manifest(digest))!.descriptor
  for (let i = 0; i < 3; i++) {
    await pushDocuments([referrer(i)], repository)
    await attach([referrer(i)], subject, repository)
  }
  assert.is((await referrers(repository, digest)).length, 5)
  await attach([referrer(1)], subject, repository)
  assert.is((await referrers(repository, digest)).length, 5)
})

Documents('a registry that lists referrers itself gets no list', async ({ place, registry }) => {
  const proxy = await startRegistryProxy(registry.host)
  try {
    proxy.addHeaders = (): Record<string, string> => ({ 'oci-subject': 'any' })
    const client = place.registry(proxy.host)
    const base = await pushTinyBase(client)
    const repository = new Repository(client, 'listed')
    await pushFunctionImage({ artifact: await place.artifact(), runtime: place.runtime, base, repository })
    assert.equal(
      proxy.lines.filter(line => line.includes('manifests/sha256-')),
      [],
    )
  } finally {
    await proxy.close()
  }
})

const pair = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
const pemOf = (key: ReturnType<typeof pair>['privateKey']) =>
  key.export({ type: 'pkcs8', format: 'pem' }).toString()

Documents('openssl takes the signature of an image for that of its key', async context => {
  const { place } = context
  const signature = signingKey(pemOf(pair().privateKey))
  const { repository, digest } = await push(context, 'signed', { signature })
  const { layers }: ImageManifest = await read(repository, `${digest.replace(':', '-')}.sig`)
  assert.is(layers.length, 1)
  assert.is(layers[0]!.mediaType, 'application/vnd.dev.cosign.simplesigning.v1+json')
  const payload = await repository.blob(layers[0]!)
  const { critical } = JSON.parse(payload.toString('utf8'))
  assert.is(critical.image['docker-manifest-digest'], digest)
  assert.is(critical.type, 'cosign container image signature')
  const file = (name: string) => join(place.folder, name)
  const signed = Buffer.from(layers[0]!.annotations!['dev.cosignproject.cosign/signature']!, 'base64')
  await writeFile(file('payload'), payload)
  await writeFile(file('signature'), signed)
  await writeFile(file('cosign.pub'), publicKeyOf(signature))
  const check = [
    'dgst',
    '-sha256',
    '-verify',
    file('cosign.pub'),
    '-signature',
    file('signature'),
    file('payload'),
  ]
  assert.match((await run('openssl', check)).stdout, 'Verified OK')
  await signImage(digest, signature, repository)
  assert.is((await read(repository, `${digest.replace(':', '-')}.sig`)).layers.length, 1, 'it is signed once')
  await signImage(digest, pair().privateKey, repository)
  assert.is((await read(repository, `${digest.replace(':', '-')}.sig`)).layers.length, 2, 'others sign, too')
})

/** A real cosign, where one was built: `DYNINKA_COSIGN` names it. */
const cosign = process.env.DYNINKA_COSIGN
if (
  cosign &&
  (await access(cosign).then(
    () => true,
    () => false,
  ))
) {
  Documents('cosign verifies the image with the key, and not with another', async context => {
    const signature = signingKey(pemOf(pair().privateKey))
    const { reference } = await push(context, 'cosigned', { signature })
    const verify = async (pem: string) => {
      const file = join(context.place.folder, 'key.pub')
      await writeFile(file, pem)
      return run(cosign, [
        'verify',
        '--key',
        file,
        '--insecure-ignore-tlog=true',
        '--allow-http-registry',
        reference,
      ])
    }
    assert.match((await verify(publicKeyOf(signature))).stdout, reference.split('@')[1]!)
    const other = await verify(publicKeyOf(pair().privateKey)).then(
      () => 'verified',
      () => 'refused',
    )
    assert.is(other, 'refused')
  })
}

for (const [what, pem] of [
  [
    'another curve',
    generateKeyPairSync('ec', { namedCurve: 'secp384r1' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    }),
  ],
  ['a public key', pair().publicKey.export({ type: 'spki', format: 'pem' })],
  [
    'an encrypted key',
    pair().privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }),
  ],
  ['no key', 'nothing'],
]) {
  Documents(`${what} does not sign`, () => {
    assert.throws(
      () => signingKey(`${pem}`),
      (error: { reason: string; hint: string }) =>
        error.reason === 'SigningKeyUnusable' && error.hint.includes('openssl'),
    )
  })
}

if (hasRegistry()) Documents.run()
else console.log('Skipped: 8') // no docker-registry here
