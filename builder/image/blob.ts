import { createReadStream } from 'node:fs'
import { sha256 } from '../artifact.ts'

/** What an image says of a blob: where manifests point to. */
export interface Descriptor {
  mediaType: string
  /** `sha256:…` of the content. */
  digest: string
  /** Bytes. */
  size: number
  annotations?: Annotations
  platform?: Platform
  artifactType?: string
}

export interface Annotations {
  [name: string]: string
}

/** `architecture` in the words of Go, as images have it. */
export interface Platform {
  os: 'linux'
  architecture: Architecture
}
export type Architecture = 'amd64' | 'arm64'

/** Content under its digest. What is large stays in a file. */
export interface Blob {
  descriptor: Descriptor
  content: Uint8Array | { file: string }
  /** Other images have it, too: a registry may know it. */
  isShared?: boolean
}

export const mediaTypes = {
  index: 'application/vnd.oci.image.index.v1+json',
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  empty: 'application/vnd.oci.empty.v1+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
} as const

export function blobOf(
  mediaType: string,
  content: Uint8Array,
  more: Partial<Descriptor> = {},
): Blob & { content: Uint8Array } {
  return { descriptor: { mediaType, digest: digestOf(content), size: content.length, ...more }, content }
}

/** A document as a blob. Its members keep the order in which they were written, so equal ones have equal digests. */
export const jsonBlob = (mediaType: string, document: object, more?: Partial<Descriptor>) =>
  blobOf(mediaType, Buffer.from(JSON.stringify(document)), more)

export const digestOf = (content: Uint8Array) => `sha256:${sha256(content)}`

/** Reads a part of a blob; all of it without `from` and `to` (exclusive). */
export async function* readBlob({ content, descriptor }: Blob, from = 0, to = descriptor.size) {
  if (content instanceof Uint8Array) yield content.subarray(from, to)
  else if (to > from)
    yield* createReadStream(content.file, { start: from, end: to - 1 }) as AsyncIterable<Buffer>
}
