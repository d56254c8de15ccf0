import { Problem } from '../../schema/problem.ts'
import { type Descriptor, mediaTypes, type Platform } from './blob.ts'
import type { ImageConfig, ImageIndex, ImageManifest } from './image.ts'
import type { Layer } from './layer.ts'
import type { Repository, Stored } from './registry/repository.ts'

/** An image in a registry on which others are built. */
export interface Base {
  repository: Repository
  /** As it was asked for, without the digest. */
  name: string
  /** Of the index, or of the manifest where there is no index. */
  digest: string
  isIndex: boolean
  images: BaseOfPlatform[]
}

export interface BaseOfPlatform {
  platform: Platform
  digest: string
  config: ImageConfig
  /** Without content. */
  layers: Layer[]
}

const known: { [mediaType: string]: string } = {
  'application/vnd.docker.image.rootfs.diff.tar': mediaTypes.layer,
  'application/vnd.docker.image.rootfs.diff.tar.gzip': `${mediaTypes.layer}+gzip`,
  'application/vnd.docker.image.rootfs.diff.tar.zstd': `${mediaTypes.layer}+zstd`,
}

/**
 * Looks up a base: its layers and configs, not their content. One that is named by its digest never changes.
 * @param reference tag or digest
 * @throws Problem
 */
export async function findBase(repository: Repository, reference: string): Promise<Base> {
  const name = reference.startsWith('sha256:') ? repository.address : `${repository.address}:${reference}`
  const stored = await repository.manifest(reference)
  if (!stored) throw missing(name, reference)
  const { mediaType, digest } = stored.descriptor
  const isIndex = mediaType === mediaTypes.index || mediaType === mediaTypes.dockerList
  const manifests = isIndex ? await manifestsIn(stored, repository, name) : [stored]
  const images = await Promise.all(manifests.map(manifest => imageIn(manifest, repository, name)))
  const usable = images.filter(image => image !== undefined)
  if (usable.length === 0) throw unusable(name, 'it has no image for linux/amd64 or linux/arm64')
  return { repository, name, digest, isIndex, images: usable }
}

async function manifestsIn(index: Stored, repository: Repository, name: string): Promise<Stored[]> {
  const { manifests }: ImageIndex = parse(index.content, name)
  return Promise.all(
    manifests.filter(isRunnable).map(async ({ digest }) => {
      const manifest = await repository.manifest(digest)
      if (!manifest) throw unusable(name, `${digest}, which it names, is not there`)
      return manifest
    }),
  )
}

const isRunnable = ({ platform }: Descriptor) =>
  platform?.os === 'linux' && (platform.architecture === 'amd64' || platform.architecture === 'arm64')

async function imageIn(
  stored: Stored,
  repository: Repository,
  name: string,
): Promise<BaseOfPlatform | undefined> {
  const manifest: ImageManifest = parse(stored.content, name)
  if (!manifest.config || !Array.isArray(manifest.layers)) throw unusable(name, 'it is of an old format')
  const config: ImageConfig = parse(await repository.blob(manifest.config), name)
  const { os, architecture, rootfs, history = [] } = config
  const platform: Platform = { os, architecture }
  if (!isRunnable({ ...stored.descriptor, platform })) return undefined
  if (rootfs?.diff_ids.length !== manifest.layers.length)
    throw unusable(name, 'its config tells of other layers')
  const steps = history.filter(({ empty_layer }) => !empty_layer)
  return {
    platform,
    digest: stored.descriptor.digest,
    config,
    layers: manifest.layers.map(({ mediaType, digest, size }, i) => ({
      descriptor: { mediaType: known[mediaType] ?? mediaType, digest, size },
      diffId: rootfs.diff_ids[i]!,
      createdBy: steps[i]?.created_by ?? `base ${name}`,
    })),
  }
}

function parse(content: Buffer, name: string) {
  try {
    return JSON.parse(content.toString('utf8'))
  } catch {
    throw unusable(name, 'it is no JSON')
  }
}

const missing = (name: string, reference: string) =>
  new Problem(
    'BaseNotFound',
    `there is no base image ${name}${reference.includes(':') ? `@${reference}` : ''}`,
    {
      disposition: 'waiting',
      hint: 'Push one with `dyninka base --push`, or name another.',
    },
  )

const unusable = (name: string, why: string) =>
  new Problem('BaseUnusable', `nothing can be built on ${name}: ${why}`, {
    disposition: 'waiting',
    hint: 'Name an image for Linux that is of the OCI format, or of Docker 1.10 or later.',
  })
