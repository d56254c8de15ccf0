import { type Annotations, type Blob, blobOf, type Descriptor, jsonBlob, mediaTypes } from './blob.ts'
import { type ImageIndex, type ImageManifest, indexOf } from './image.ts'
import type { Repository } from './registry/repository.ts'

/** A document about an image, which a registry lists with it. */
export interface Referrer {
  /** Kind of the documents. */
  artifactType: string
  documents: Blob[]
  annotations?: Annotations
}

const empty = { ...blobOf(mediaTypes.empty, Buffer.from('{}')), isShared: true }

/** Brings the documents themselves. @returns bytes sent */
export async function pushDocuments(referrers: Referrer[], to: Repository): Promise<number> {
  const blobs = [empty, ...referrers.flatMap(({ documents }) => documents)]
  const sent = await Promise.all(blobs.map(blob => to.putBlob(blob)))
  return sent.reduce((sum, bytes) => sum + bytes, 0)
}

/**
 * Attaches documents that are there to an image that is there, or will be. A registry without the referrers API gets the
 * list under the tag that the distribution specification gives it ("Referrers Tag Schema").
 * @returns bytes sent
 */
export async function attach(referrers: Referrer[], subject: Descriptor, to: Repository): Promise<number> {
  const manifests = referrers.map(referrer => manifestOf(referrer, subject))
  const answers = await Promise.all(manifests.map(manifest => to.putManifest(manifest)))
  const bytes = manifests.reduce((sum, { descriptor }) => sum + descriptor.size, 0)
  const unlisted = manifests.filter((_, i) => !answers[i]!.listed).map(({ descriptor }) => descriptor)
  return unlisted.length === 0 ? bytes : bytes + (await list(unlisted, subject, to))
}

function manifestOf({ artifactType, documents, annotations }: Referrer, subject: Descriptor) {
  const { mediaType, digest, size } = subject
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    artifactType,
    config: empty.descriptor,
    layers: documents.map(({ descriptor }) => descriptor),
    subject: { mediaType, digest, size },
    ...(annotations && { annotations }),
  }
  return jsonBlob(mediaTypes.manifest, manifest, { artifactType, ...(annotations && { annotations }) })
}

/** Adds to the list under the tag. Who writes at the same time may undo it, so a list that others write is read again. */
async function list(added: Descriptor[], subject: Descriptor, to: Repository): Promise<number> {
  const tag = subject.digest.replace(':', '-')
  let sent = 0
  for (let attempts = 1; ; attempts++) {
    const listed = await listedUnder(tag, to)
    const missing = added.filter(({ digest }) => !listed.some(other => other.digest === digest))
    if (missing.length === 0 || attempts > 3) return sent
    const index = indexOf([...listed, ...missing].sort((a, b) => (a.digest < b.digest ? -1 : 1)))
    await to.putManifest(index, tag)
    sent += index.descriptor.size
    if (listed.length === 0) return sent
  }
}

async function listedUnder(tag: string, to: Repository): Promise<Descriptor[]> {
  const stored = await to.manifest(tag)
  if (stored?.descriptor.mediaType !== mediaTypes.index) return []
  return (JSON.parse(stored.content.toString('utf8')) as ImageIndex).manifests
}
