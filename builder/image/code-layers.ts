import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artifact } from '../artifact.ts'
import { paths } from './execution.ts'
import { type Layer, smallLayer } from './layer.ts'

let last: { digest: string; layer: Promise<Layer> } | undefined

/** The host, which all functions share. It takes some 40 ms to compress, so the last one is kept. */
export function runtimeLayer(runtime: Pick<Artifact, 'digest' | 'path'>): Promise<Layer> {
  if (last?.digest !== runtime.digest) {
    const layer = makeRuntimeLayer(runtime)
    last = { digest: runtime.digest, layer }
    layer.catch(() => (last = undefined)) // it may be there the next time
  }
  return last!.layer
}

async function makeRuntimeLayer(runtime: Pick<Artifact, 'digest' | 'path'>): Promise<Layer> {
  const content = await readFile(join(runtime.path, 'host.mjs'))
  const layer = smallLayer([{ path: paths.host.slice(1), content }], `dyninka host ${runtime.digest}`)
  return { ...layer, isShared: true }
}

/** The code of one function. */
export async function functionLayer(artifact: Pick<Artifact, 'digest' | 'path'>): Promise<Layer> {
  const names = ['function.mjs', 'function.mjs.map']
  const files = names.map(async name => ({
    path: `${paths.folder.slice(1)}/${name}`,
    content: await readFile(join(artifact.path, name)),
  }))
  return smallLayer(await Promise.all(files), `dyninka function ${artifact.digest}`)
}
