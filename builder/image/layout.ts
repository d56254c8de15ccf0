import { createWriteStream } from 'node:fs'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
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

/** Writes an OCI image layout as an archive, for `ctr images import`, `skopeo`, `podman load`, `docker load`. */
export const writeLayoutTar = (file: string, layout: Layout): Promise<void> =>
  pipeline(Readable.from(tar(withFolders(entriesOf(layout))), { objectMode: false }), createWriteStream(file))

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
