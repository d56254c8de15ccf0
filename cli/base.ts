import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, Option } from 'commander'
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
  json?: true
}

export const base = (): Command =>
  command('base', {
    summary: 'make the image that functions run on, without Docker',
    detail:
      'Takes a Node for Linux and the C libraries it needs, here or in --libs, and nothing else of this machine. With\n' +
      '--runtime it also has the host, for clusters without a registry, where code is mounted.',
    examples: [
      ['dyninka base --output base.tar', 'for `ctr images import base.tar`'],
      ['dyninka base --output runtime.tar --runtime', 'with the host in it'],
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
    .addOption(new Option('--compress <HOW>', 'the layer (default: none)').choices(['none', 'gzip', 'zstd']))
    .option('--name <REPO:TAG>', 'what an import calls it (default: dyninka.dev/base:<version of Node>)')
    .option('--output <FILE>', 'write an OCI archive')
    .addOption(jsonOption('{"name", "digest", "bytes", "node", "platform", "files", …}'))
    .action(async (options: Options) => {
      const { output } = options
      if (output === undefined) throw new Usage('where to?', 'Name a file with --output.')
      const folder = await mkdtemp(join(tmpdir(), 'dyninka-base-'))
      try {
        const { baseImage, blobsOf, writeLayoutTar } = await import('../builder/image/index.ts')
        using progress = new Progress('Gathering Node and its libraries')
        const made = await baseImage({
          node: options.node,
          ...(options.arch && { architecture: options.arch }),
          ...(options.libs.length > 0 && { libraries: options.libs }),
          ...(options.ca && { authorities: await readFile(options.ca, 'utf8') }),
          ...(options.runtime && { runtime: await runtime(folder) }),
          compression: options.compress ?? 'none',
          folder,
        })
        const { image, version, files } = made
        const name = options.name ?? `dyninka.dev/${options.runtime ? 'runtime' : 'base'}:${version}`
        progress.label = `Writing ${output}`
        await writeLayoutTar(output, { root: image.manifest, blobs: blobsOf(image), name })
        progress.pause()
        const bytes = image.layers.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
        const { architecture } = image.platform
        const { digest } = image.manifest.descriptor
        const said = { name, digest, bytes, node: version, platform: `linux/${architecture}`, output, files }
        if (options.json) return console.log(JSON.stringify(said))
        console.log(
          `${paint('green', '✓')} ${name} for linux/${architecture}, ${(bytes / 1e6).toFixed(1)} MB`,
        )
        console.log(`  ${digest}`)
        console.log(`  ${output}: \`ctr images import ${output}\` brings it to a node`)
      } finally {
        await rm(folder, { recursive: true, force: true })
      }
    })

async function runtime(folder: string) {
  const [{ hostBundle }, { runtimeLayer }] = await Promise.all([
    import('../builder/index.ts'),
    import('../builder/image/index.ts'),
  ])
  return runtimeLayer(await hostBundle(join(folder, 'store')))
}
