import { type Artifact, sha256 } from '../artifact.ts'
import type { Base } from './base-reference.ts'
import type { Annotations, Blob } from './blob.ts'
import { functionLayer, runtimeLayer } from './code-layers.ts'
import { execute } from './execution.ts'
import { blobsOf, type Image, imageOf, indexOf } from './image.ts'

/** Where code came from. */
export interface ImageSource {
  /** Of the repository, without credentials. */
  url: string
  /** Commit, in hexadecimal. */
  revision: string
}

/** An artifact in the store. */
export type Code = Pick<Artifact, 'digest' | 'path'>

export interface ImageParts {
  /** The function; a source or a sink has none. */
  artifact?: Code
  /** The host. */
  runtime: Code
  base: Base
  source?: ImageSource
}

export interface FunctionImage {
  /** Index, or manifest where the base has no index. */
  root: Blob & { content: Uint8Array }
  images: Image[]
  /** All that is not in the base, and not a manifest. */
  blobs: Blob[]
}

/** Changes with how images are put together, so that those of before are not taken for these. */
const format = 1

/** A tag that tells what is in an image: who finds it needs to make nothing. The source is not part of it, since the same
 *  code comes from many revisions. */
export function tagOf({ artifact, runtime, base }: ImageParts): string {
  return `d${format}-${sha256(JSON.stringify([format, artifact?.digest, runtime.digest, base.digest])).slice(0, 40)}`
}

/** Puts a host, and perhaps a function, on top of a base, for each platform that this has. Only these arguments show in
 *  its digest. */
export async function functionImage({ artifact, runtime, base, source }: ImageParts): Promise<FunctionImage> {
  const own = await Promise.all([runtimeLayer(runtime), ...(artifact ? [functionLayer(artifact)] : [])])
  const from: Annotations = {
    ...(source && {
      'org.opencontainers.image.source': source.url,
      'org.opencontainers.image.revision': source.revision,
    }),
    'org.opencontainers.image.base.name': base.name,
  }
  const images = base.images.map(({ platform, config, layers, digest }) =>
    imageOf({
      platform,
      layers: [...layers, ...own],
      execution: execute(config.config ?? {}, { code: artifact !== undefined }),
      annotations: { ...from, 'org.opencontainers.image.base.digest': digest },
    }),
  )
  const blobs = [...new Map(images.flatMap(blobsOf).map(blob => [blob.descriptor.digest, blob])).values()]
  const annotations = { ...from, 'org.opencontainers.image.base.digest': base.digest }
  const root = base.isIndex
    ? indexOf(
        images.map(({ manifest }) => manifest.descriptor),
        annotations,
      )
    : images[0]!.manifest
  return { root, images, blobs }
}
