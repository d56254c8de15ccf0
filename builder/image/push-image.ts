import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Base } from './base-reference.ts'
import type { Descriptor } from './blob.ts'
import type { FunctionImage } from './function-image.ts'
import type { Repository } from './registry/repository.ts'

/** Brings the layers of a base into the repository of an image: within a registry nothing is sent.
 *  @returns bytes sent */
async function bringBase(base: Base, to: Repository): Promise<number> {
  const layers = new Map(
    base.images.flatMap(image => image.layers).map(layer => [layer.descriptor.digest, layer]),
  )
  const isSame = base.repository.registry.address.host === to.registry.address.host
  const sent = await Promise.all(
    [...layers.values()].map(({ descriptor }) =>
      isSame && base.repository.name === to.name ? 0 : bringLayer(descriptor, base.repository, to, isSame),
    ),
  )
  return sent.reduce((sum, bytes) => sum + bytes, 0)
}

async function bringLayer(descriptor: Descriptor, from: Repository, to: Repository, isSame: boolean) {
  const isThere = isSame
    ? await to.mountBlob(descriptor.digest, from.name)
    : await to.hasBlob(descriptor.digest)
  if (isThere) return 0
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-layer-'))
  try {
    const file = join(folder, 'layer')
    await from.fetchBlob(descriptor, file)
    return await to.putBlob({ descriptor, content: { file } })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** Brings all that manifests of an image point to. @returns bytes sent */
export async function pushBlobs({ blobs }: FunctionImage, base: Base, to: Repository): Promise<number> {
  const sent = await Promise.all([bringBase(base, to), ...blobs.map(blob => to.putBlob(blob))])
  return sent.reduce((sum, bytes) => sum + bytes, 0)
}

/** Brings its manifests, all but its root, which makes it complete. @returns bytes sent */
export async function pushManifests({ root, images }: FunctionImage, to: Repository): Promise<number> {
  const manifests = images.map(({ manifest }) => manifest).filter(manifest => manifest !== root)
  await Promise.all(manifests.map(manifest => to.putManifest(manifest)))
  return manifests.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
}
