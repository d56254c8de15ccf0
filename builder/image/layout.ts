import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../schema/problem.ts'
import { type Blob, mediaTypes } from './blob.ts'
import { type TarEntry, tar, withFolders } from './tar.ts'

/** An image, or an index of several, with all blobs that it leads to. */
export interface Layout {
  /** Manifest or index. */
  root: Blob
  blobs: Blob[]
  /** As `registry/repository:tag`: what an import calls it. */
  name: string
}

/** Writes an OCI image layout as a folder. */
export async function writeLayout(folder: string, layout: Layout): Promise<void> {
  for (const { path, content } of entriesOf(layout)) {
    const to = join(folder, path)
    await mkdir(dirname(to), { recursive: true })
    if (content instanceof Uint8Array) await writeFile(to, content)
    else if (typeof content === 'object' && 'file' in content) await copyFile(content.file, to)
  }
}

/**
 * Writes an OCI image layout as an archive, for `ctr images import`, `skopeo`, `podman load`, `docker load`. The file
 * appears when it is complete.
 * @throws Problem when it can not be written
 */
export async function writeLayoutTar(file: string, layout: Layout): Promise<void> {
  const fresh = `${file}.${process.pid}.tmp`
  const archive = Readable.from(tar(withFolders(entriesOf(layout))), { objectMode: false })
  try {
    await pipeline(archive, createWriteStream(fresh))
    await rename(fresh, file)
  } catch (error) {
    await rm(fresh, { force: true })
    const { code, path } = error as NodeJS.ErrnoException
    if (code === undefined || (path !== undefined && path !== fresh)) throw error
    throw new Problem('OutputUnwritable', `${file} can not be written: ${code}`, {
      disposition: 'stalled',
      hint: 'Name a file in a folder that is there, with room for it, and in which you may write.',
      cause: error,
    })
  }
}

function entriesOf({ root, blobs, name }: Layout): TarEntry[] {
  const annotations = {
    'io.containerd.image.name': name,
    'org.opencontainers.image.ref.name': name.slice(name.lastIndexOf(':') + 1),
  }
  const index = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests: [{ ...root.descriptor, annotations }],
  }
  const text = (path: string, document: object): TarEntry => ({
    path,
    content: Buffer.from(JSON.stringify(document)),
  })
  return [
    text('oci-layout', { imageLayoutVersion: '1.0.0' }),
    text('index.json', index),
    ...[root, ...blobs].map(
      ({ descriptor: { digest, size }, content }): TarEntry => ({
        path: `blobs/${digest.replace(':', '/')}`,
        content: content instanceof Uint8Array ? content : { file: content.file, bytes: size },
      }),
    ),
  ]
}
