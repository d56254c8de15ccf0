import { type Descriptor, mediaTypes, type Platform } from '../blob.ts'
import { blobsOf, type Image, type ImageIndex, indexOf } from '../image.ts'
import type { Repository } from '../registry/repository.ts'

export interface PushedBase {
  /** Of the index, with which to name the base. */
  digest: string
  /** All that the tag has now. */
  platforms: string[]
  bytesPushed: number
}

/** Pushes a base under a tag. Images of other platforms that the tag has stay beside it. @throws Problem */
export async function pushBase(image: Image, repository: Repository, tag: string): Promise<PushedBase> {
  const before = await manifestsUnder(tag, repository)
  const sent = await Promise.all(blobsOf(image).map(blob => repository.putBlob(blob)))
  await repository.putManifest(image.manifest)
  const others = before.filter(({ platform }) => platform && nameOf(platform) !== nameOf(image.platform))
  const manifests = [...others, image.manifest.descriptor].sort((a, b) =>
    nameOf(a.platform!) < nameOf(b.platform!) ? -1 : 1,
  )
  const index = indexOf(manifests)
  await repository.putManifest(index, tag)
  const { descriptor } = index
  return {
    digest: descriptor.digest,
    platforms: manifests.map(({ platform }) => nameOf(platform!)),
    bytesPushed: sent.reduce((sum, bytes) => sum + bytes, image.manifest.descriptor.size + descriptor.size),
  }
}

async function manifestsUnder(tag: string, repository: Repository): Promise<Descriptor[]> {
  const stored = await repository.manifest(tag)
  if (stored?.descriptor.mediaType !== mediaTypes.index) return []
  return (JSON.parse(stored.content.toString('utf8')) as ImageIndex).manifests
}

const nameOf = ({ os, architecture }: Platform) => `${os}/${architecture}`
