import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Artifact } from '../artifact.ts'
import { paths } from './execution.ts'
import { type Layer, smallLayer } from './layer.ts'

/** The host, which all functions share. */
export async function runtimeLayer(runtime: Pick<Artifact, 'digest' | 'path'>): Promise<Layer> {
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
