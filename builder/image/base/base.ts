import { rootCertificates } from 'node:tls'
import { Problem } from '../../../schema/problem.ts'
import type { Architecture } from '../blob.ts'
import { execute, user } from '../execution.ts'
import { type Image, imageOf } from '../image.ts'
import { type Compression, fileLayer, type Layer } from '../layer.ts'
import type { TarEntry } from '../tar.ts'
import { librariesOf } from './libraries.ts'
import { nodeBinary, ownArchitecture } from './node-binary.ts'
import { programEntry } from './programs.ts'

export interface BaseOptions {
  /** Binary of Node for Linux. */
  node: string
  /** What it must be built for; by default what it is built for. */
  architecture?: Architecture
  /** Folders with the C libraries; by default those of this machine. */
  libraries?: string[]
  /** Certificates (PEM) to trust beside those that Node brings. */
  authorities?: string
  compression: Compression
  /** Where the layer is written. */
  folder: string
  /** A layer with `host.mjs`, which makes it an image that runs hosts whose code is mounted. */
  runtime?: Layer
}

export interface BaseImage {
  image: Image
  /** Of Node. */
  version: string
  /** Paths in the image. */
  files: string[]
}

/**
 * Makes an image of nothing but Node and what it needs to run: the loader and C libraries, certificates, and a user.
 * The layer is the same wherever these files are.
 * @throws Problem
 */
export async function baseImage(options: BaseOptions): Promise<BaseImage> {
  const { file, elf, version } = await nodeBinary(options.node, options.architecture)
  const isForeign = elf.architecture !== ownArchitecture || process.platform !== 'linux'
  if (isForeign && elf.loader && !options.libraries) throw foreign(file, elf.architecture)
  const linked = await librariesOf(file, elf, options.libraries ? { folders: options.libraries } : {})
  const folder = linked.folder ?? 'usr/lib/node'
  const entries = [
    await programEntry('usr/local/bin/node', file),
    ...(linked.loader
      ? [await programEntry(linked.loader.path.replace(/^\/+/, ''), linked.loader.file)]
      : []),
    ...(await Promise.all(linked.libraries.map(({ name, file }) => programEntry(`${folder}/${name}`, file)))),
    ...systemFiles(options.authorities),
  ]
  const { compression } = options
  const layer = await fileLayer(entries, {
    folder: options.folder,
    compression,
    createdBy: `dyninka base: Node ${version}`,
  })
  const environment = [
    'PATH=/usr/local/bin:/usr/bin:/bin',
    `NODE_VERSION=${version}`,
    ...(linked.folder === undefined && linked.libraries.length > 0 ? [`LD_LIBRARY_PATH=/${folder}`] : []),
    ...(options.authorities ? [`NODE_EXTRA_CA_CERTS=/${extraFile}`] : []),
  ]
  const { runtime } = options
  const image = imageOf({
    platform: { os: 'linux', architecture: elf.architecture },
    layers: runtime ? [layer, runtime] : [layer],
    execution: runtime
      ? execute({ Env: environment })
      : { User: user, Env: environment, Entrypoint: ['/usr/local/bin/node'], WorkingDir: '/' },
    annotations: { 'org.opencontainers.image.title': `Node ${version}` },
  })
  return { image, version, files: entries.map(({ path }) => `/${path}`) }
}

const extraFile = 'etc/ssl/certs/extra.pem'

function systemFiles(authorities: string | undefined): TarEntry[] {
  const text = (path: string, content: string) => ({ path, content: Buffer.from(content) })
  return [
    text(
      'etc/passwd',
      'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/:/sbin/nologin\n',
    ),
    text('etc/group', 'root:x:0:\nnonroot:x:65532:\n'),
    text('etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'),
    // For programs of others; Node has these inside. Of this Node, which may be another one than that in the image.
    text('etc/ssl/certs/ca-certificates.crt', `${rootCertificates.join('\n')}\n`),
    ...(authorities ? [text(extraFile, authorities)] : []),
  ]
}

const foreign = (file: string, architecture: Architecture) =>
  new Problem(
    'LibrariesUnknown',
    `${file} is built for ${architecture}, and this machine has no libraries for it`,
    {
      disposition: 'stalled',
      hint: 'Name a folder with its C libraries with --libs: unpacked packages of Debian (libc6, libgcc-s1, libstdc++6), or the root of a system.',
    },
  )
