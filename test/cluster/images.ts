import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { imageOf } from '../../builder/image/image.ts'
import { blobsOf, writeLayoutTar } from '../../builder/image/index.ts'
import { fileLayer } from '../../builder/image/layer.ts'
import { run } from './run-program.ts'

/** Debian's busybox: as it is, a container that does nothing until it is stopped. Being static, it can't look names up:
 *  what asks others runs on the runtime image. */
export const busyboxImage = 'dyninka.dev/test/busybox:1'
/** Made by `dyninka base --runtime`. */
export const runtimeImage = 'dyninka.dev/test/runtime:1'

const busybox = '/bin/busybox'

/** @returns an archive for `ctr images import` */
export async function busyboxArchive(folder: string): Promise<string> {
  const content = { file: busybox, bytes: (await stat(busybox)).size }
  const links = ['sh', 'cat', 'sleep', 'httpd', 'id', 'touch']
  const layer = await fileLayer(
    [
      { path: 'bin/busybox', mode: 0o755, content },
      ...links.map(name => ({ path: `bin/${name}`, content: { link: 'busybox' } })),
    ],
    { folder, compression: 'none', createdBy: 'test cluster' },
  )
  const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64'
  const image = imageOf({
    platform: { os: 'linux', architecture },
    layers: [layer],
    execution: { User: '65532:65532', Env: ['PATH=/bin'], Entrypoint: ['/bin/sleep', '2147483647'] },
  })
  const file = join(folder, 'busybox.tar')
  await writeLayoutTar(file, { root: image.manifest, blobs: blobsOf(image), name: busyboxImage })
  await rm(join(folder, 'layer'))
  return file
}

/** @returns an archive of the image that functions run on, from this Node and the C libraries of this machine */
export async function runtimeArchive(folder: string): Promise<string> {
  const file = join(folder, 'runtime.tar')
  const main = new URL('../../cli/main.ts', import.meta.url).pathname
  await run(process.execPath, [main, 'base', '--runtime', '--name', runtimeImage, '--output', file])
  return file
}
