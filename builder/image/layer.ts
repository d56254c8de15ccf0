import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip, createZstdCompress, constants as zlib } from 'node:zlib'
import { gzipSync } from 'fflate'
import { type Blob, blobOf, type Descriptor, digestOf, mediaTypes } from './blob.ts'
import { type TarEntry, tar, tarOf, withFolders } from './tar.ts'

/** One layer of an image. Without `content` it is in the registry that its base came from. */
export interface Layer {
  descriptor: Descriptor
  /** Digest of the archive, uncompressed. */
  diffId: string
  content?: Blob['content']
  /** Other images have it, too. */
  isShared?: boolean
  /** For the history of the image. */
  createdBy: string
}

export type Compression = 'none' | 'gzip' | 'zstd'

/**
 * A layer in memory, compressed by fflate: JavaScript of one exact version, which makes the same of the same bytes
 * everywhere. What Node's zlib makes of them changes with its version and the processor, and zstd with its version.
 */
export function smallLayer(files: { path: string; content: Uint8Array }[], createdBy: string): Layer {
  const archive = tarOf(withFolders(files))
  const { descriptor, content } = blobOf(
    `${mediaTypes.layer}+gzip`,
    gzipSync(archive, { level: 6, mtime: 0 }),
  )
  return { descriptor, diffId: digestOf(archive), content, createdBy }
}

/** A layer in a file of `folder`. Compressed, its digest is the same on machines with the same Node alone. */
export async function fileLayer(
  entries: TarEntry[],
  { folder, compression, createdBy }: { folder: string; compression: Compression; createdBy: string },
): Promise<Layer> {
  const file = join(folder, 'layer')
  const archive = new Meter()
  const packed = new Meter()
  const archived = Readable.from(tar(withFolders(entries)), { objectMode: false })
  const out = createWriteStream(file)
  if (compression === 'none') await pipeline(archived, archive, out)
  else await pipeline(archived, archive, compressor(compression), packed, out)
  const { digest, bytes } = compression === 'none' ? archive : packed
  return {
    descriptor: { mediaType: mediaTypes.layer + suffixes[compression], digest, size: bytes },
    diffId: archive.digest,
    content: { file },
    createdBy,
  }
}

const suffixes = { none: '', gzip: '+gzip', zstd: '+zstd' }

const compressor = (compression: 'gzip' | 'zstd') =>
  compression === 'gzip'
    ? createGzip({ level: 6 })
    : createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 9 } })

/** Lets bytes pass, and knows their digest at the end. */
class Meter extends Transform {
  readonly #hash = createHash('sha256')
  bytes = 0
  #digest = ''

  get digest() {
    return this.#digest
  }

  override _transform(chunk: Buffer, _: BufferEncoding, done: (error: null, chunk: Buffer) => void) {
    this.#hash.update(chunk)
    this.bytes += chunk.length
    done(null, chunk)
  }

  override _flush(done: () => void) {
    this.#digest = `sha256:${this.#hash.digest('hex')}`
    done()
  }
}
