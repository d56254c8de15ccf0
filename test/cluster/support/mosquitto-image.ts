import { globSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { blobsOf, fileLayer, imageOf, programEntries, writeLayoutTar } from '../../../builder/image/index.ts'

/** As a node knows it that has pulled `eclipse-mosquitto:2`. */
export const mosquittoImage = 'docker.io/library/eclipse-mosquitto:2'

/** Debian's mosquitto in place of the official image. @returns an archive for `ctr images import` */
export async function mosquittoArchive(folder: string): Promise<string> {
  const [plugin] = globSync('/usr/lib/{,*/}mosquitto_dynamic_security.so')
  const programs = await programEntries([
    { path: '/usr/sbin/mosquitto' },
    { path: '/usr/lib/mosquitto_dynamic_security.so', file: plugin! },
    { path: '/bin/busybox' },
  ])
  const links = ['sh', 'cp', 'mv', 'test'].map(name => ({
    path: `bin/${name}`,
    content: { link: 'busybox' },
  }))
  const layers = join(folder, 'mosquitto')
  await mkdir(layers)
  const layer = await fileLayer([...programs, ...links], {
    folder: layers,
    compression: 'none',
    createdBy: 'test cluster',
  })
  const image = imageOf({
    platform: { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' },
    layers: [layer],
    execution: { Env: ['PATH=/usr/sbin:/bin'], Cmd: ['/usr/sbin/mosquitto'] },
  })
  const file = join(folder, 'mosquitto.tar')
  await writeLayoutTar(file, { root: image.manifest, blobs: blobsOf(image), name: mosquittoImage })
  return file
}
