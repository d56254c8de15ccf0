import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
import type { Image, Reference } from '../builder/image/index.ts'
import { command, jsonOption } from './command.ts'
import { Usage } from './failure.ts'
import { paint } from './paint.ts'
import { Progress } from './progress.ts'

interface Options {
  node: string
  arch?: 'amd64' | 'arm64'
  libs: string[]
  ca?: string
  runtime?: true
  compress?: 'none' | 'gzip' | 'zstd'
  name?: string
  output?: string
  push?: string
  registryCa?: string
  json?: true
}

export const base = (): Command =>
  command('base', {
    summary: 'make the image that functions run on, without Docker',
    detail:
      'Takes a Node for Linux and the C libraries it needs, here or in --libs, and nothing else of this machine.\n' +
      'With --runtime it also has the host, for clusters without a registry, where code is mounted. Credentials\n' +
      'are those of `docker login`. http:// before a registry says that it has no TLS.',
    examples: [
      ['dyninka base --output base.tar', 'for `ctr images import base.tar`'],
      ['dyninka base --output runtime.tar --runtime', 'with the host in it'],
      ['dyninka base --push registry.example.org/dyninka/base:24', 'where functions are images of their own'],
      ['dyninka base --output arm.tar --node node-arm64 --libs ./arm64-root', 'for another processor'],
    ],
    failure: 'no image could be made of this Node and these libraries',
  })
    .option('--node <PATH>', 'binary of Node, built for Linux and glibc', process.execPath)
    .addOption(new Option('--arch <ARCH>', 'refuse a Node for anything else').choices(['amd64', 'arm64']))
    .option(
      '--libs <DIR>',
      'folder of C libraries, or root of a system; may be repeated (default: those of this machine)',
      (folder: string, before: string[]) => [...before, folder],
      [],
    )
    .option('--ca <FILE>', 'certificates to trust beside those that Node brings, PEM')
    .option('--runtime', 'add the host')
    .addOption(
      new Option('--compress <HOW>', 'the layer (default: none with --output, else gzip)').choices([
        'none',
        'gzip',
        'zstd',
      ]),
    )
    .option('--name <REPO:TAG>', 'what an import calls it (default: dyninka.dev/base:<version of Node>)')
    .option('--output <FILE>', 'write an OCI archive')
    .option('--push <REF>', 'push it as REGISTRY/REPO:TAG, beside other platforms that the tag has')
    .option('--registry-ca <FILE>', 'authority of the registry, PEM')
    .addOption(jsonOption('{"name", "digest", "bytes", "node", "platform", "files", …}'))
    .action(async (options: Options) => {
      const { output, push } = options
      if (!output && !push)
        throw new Usage('where to?', 'Name a file with --output, or an image with --push.')
      const folder = await mkdtemp(join(tmpdir(), 'dyninka-base-'))
      try {
        const said = await make(options, folder)
        if (options.json) return console.log(JSON.stringify(said))
        const { name, platform, bytes, digest, pushed } = said
        console.log(`${paint('green', '✓')} ${name} for ${platform}, ${(bytes / 1e6).toFixed(1)} MB`)
        if (output)
          console.log(
            `  ${output}, ${digest}\n  \`ctr -n k8s.io images import ${output}\` brings it to a node`,
          )
        if (pushed) console.log(`  ${pushed.reference}\n  which has ${pushed.platforms.join(' and ')}`)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

async function make(options: Options, folder: string) {
  const { output, push } = options
  const { baseImage, blobsOf, parseReference, writeLayoutTar } = await import('../builder/image/index.ts')
  const to = push === undefined ? undefined : parseReference(push)
  if (options.name !== undefined) parseReference(options.name)
  using progress = new Progress('Gathering Node and its libraries')
  const { image, version, files } = await baseImage({
    node: options.node,
    ...(options.arch && { architecture: options.arch }),
    ...(options.libs.length > 0 && { libraries: options.libs }),
    ...(options.ca !== undefined && { authorities: await pem(options.ca, '--ca') }),
    ...(options.runtime && { runtime: await runtime(folder) }),
    compression: options.compress ?? (output ? 'none' : 'gzip'),
    folder,
  })
  const name = options.name ?? `dyninka.dev/${options.runtime ? 'runtime' : 'base'}:${version}`
  if (output) {
    progress.label = `Writing ${output}`
    await writeLayoutTar(output, { root: image.manifest, blobs: blobsOf(image), name })
  }
  return {
    name,
    digest: image.manifest.descriptor.digest,
    bytes: image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0),
    node: version,
    platform: `linux/${image.platform.architecture}`,
    files,
    ...(output && { output }),
    ...(to && { pushed: await send(image, to, options, progress) }),
  }
}

async function send(image: Image, to: Reference, options: Options, progress: Progress) {
  const { pushBase, Registry, Repository } = await import('../builder/image/index.ts')
  const { registry: address, repository: name, tag = 'latest' } = to
  let sent = 0
  progress.label = `Pushing to ${address.host}`
  const registry = new Registry(address, {
    ...(options.registryCa !== undefined && { authorities: await pem(options.registryCa, '--registry-ca') }),
    onSent(bytes) {
      sent += bytes
      progress.label = `Pushing to ${address.host}, ${(sent / 1e6).toFixed(0)} MB sent`
    },
  })
  try {
    const { digest, platforms, bytesPushed } = await pushBase(image, new Repository(registry, name), tag)
    return { reference: `${address.host}/${name}:${tag}@${digest}`, digest, platforms, bytesPushed }
  } finally {
    registry.close()
  }
}

async function pem(file: string, option: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch(() => '')
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text
  throw new Usage(`${file} holds no certificate`, `${option} takes a PEM file.`)
}

async function runtime(folder: string) {
  const [{ hostBundle }, { runtimeLayer }] = await Promise.all([
    import('../builder/index.ts'),
    import('../builder/image/index.ts'),
  ])
  return runtimeLayer(await hostBundle(join(folder, 'store')))
}
