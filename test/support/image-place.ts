import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pushBase } from '../../builder/image/base/push-base.ts'
import { imageOf } from '../../builder/image/image.ts'
import {
  type Base,
  type FindCredentials,
  findBase,
  parseReference,
  Registry,
  type RegistryOptions,
  Repository,
} from '../../builder/image/index.ts'
import { smallLayer } from '../../builder/image/layer.ts'
import { type Artifact, build, hostBundle } from '../../builder/index.ts'

/** Artifacts to make images of, and a base that is small. */
export interface ImagePlace {
  folder: string
  runtime: Artifact
  /** Of a function with this code. */
  artifact(code?: string): Promise<Artifact>
  /** A client of a registry, which ends with the place. Waits are short. */
  registry(host: string, options?: RegistryOptions & { tls?: boolean }): Registry
  remove(): Promise<void>
}

export const source = { url: 'https://git.example.org/flows.git', revision: '7'.repeat(40) }

export async function makeImagePlace(): Promise<ImagePlace> {
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-image-'))
  const clients: Registry[] = []
  const [root, store] = [join(folder, 'source'), join(folder, 'store')]
  return {
    folder,
    runtime: await hostBundle(store),
    async artifact(code = 'export default (n: number) => n + 1\n') {
      await mkdir(join(root, 'functions'), { recursive: true })
      await writeFile(join(root, 'functions', 'a.ts'), code)
      const [built] = await build({
        root,
        dir: root,
        store,
        functions: [{ name: 'a', code: 'functions/a.ts' }],
      })
      if (!built || !('artifact' in built)) throw new Error(`not built: ${JSON.stringify(built)}`)
      return built.artifact
    },
    registry(host, { tls, ...options } = {}) {
      const { registry: address } = parseReference(`${tls ? 'https://' : ''}${host}/any`)
      const patience = { attempts: 6, firstMs: 20, maxMs: 2_000 }
      const client = new Registry(address, { patience, credentials: nobody, ...options })
      clients.push(client)
      return client
    },
    async remove() {
      for (const client of clients) client.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const nobody: FindCredentials = async () => undefined

/** Pushes a base of one small layer for each platform. */
export async function pushTinyBase(
  registry: Registry,
  architectures: ('amd64' | 'arm64')[] = ['amd64', 'arm64'],
): Promise<Base> {
  const repository = new Repository(registry, 'base')
  for (const architecture of architectures) {
    const layer = smallLayer([{ path: 'etc/arch', content: Buffer.from(architecture) }], 'a test')
    const execution = { Env: ['PATH=/usr/local/bin'], Entrypoint: ['/usr/local/bin/node'], WorkingDir: '/' }
    await pushBase(
      imageOf({ platform: { os: 'linux', architecture }, layers: [layer], execution }),
      repository,
      'tiny',
    )
  }
  return findBase(repository, 'tiny')
}
