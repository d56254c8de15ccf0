import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Problem } from '../../../schema/problem.ts'
import { type KubernetesObject, resources } from '../../kubernetes/resource.ts'
import { configMapName, digestLabel, labels, managedBy } from './names.ts'
import type { KubernetesOptions } from './options.ts'

/** Of the content; Kubernetes allows 1 MiB with all that is around it. */
const maxBytes = 900 * 1024

/** The files of an artifact, as an object that never changes. What is too large as it is goes in compressed; the host
 *  unpacks it. @throws Problem when it is too large even so */
export async function configMapOf(
  digest: string,
  folder: string,
  what: string,
  { namespace }: Pick<KubernetesOptions, 'namespace'>,
): Promise<KubernetesObject> {
  const files = readFiles(folder)
  const meta = {
    apiVersion: resources.ConfigMap.apiVersion,
    kind: resources.ConfigMap.kind,
    metadata: {
      name: configMapName(digest),
      namespace,
      labels: { ...managedBy, [labels.artifact]: digestLabel(digest) },
    },
    immutable: true,
  }
  const size = (contents: Buffer[]) => contents.reduce((sum, content) => sum + content.length, 0)
  if (size([...files.values()]) <= maxBytes) {
    return {
      ...meta,
      data: Object.fromEntries([...files].map(([name, text]) => [name, text.toString()])),
    } as object & KubernetesObject
  }
  const packed = new Map<string, Buffer>()
  for (const [name, content] of files) packed.set(`${name}.gz`, await promisify(gzip)(content, { level: 9 }))
  const bytes = size([...packed.values()])
  if (bytes > maxBytes) {
    throw new Problem(
      'RegistryNeeded',
      `the code of ${what} has ${Math.ceil(bytes / 1024)} KB compressed, and a ConfigMap holds ${maxBytes / 1024}`,
      {
        disposition: 'stalled',
        hint: 'Name a registry for images, or make the function smaller: see what it imports.',
      },
    )
  }
  const binaryData = Object.fromEntries(
    [...packed].map(([name, content]) => [name, content.toString('base64')]),
  )
  return { ...meta, binaryData } as object & KubernetesObject
}

function readFiles(folder: string): Map<string, Buffer> {
  try {
    const names = readdirSync(folder).filter(name => name !== 'artifact.json')
    return new Map(names.toSorted().map(name => [name, readFileSync(join(folder, name))]))
  } catch (error) {
    throw new Problem(
      'ArtifactMissing',
      `the code in ${folder} cannot be read: ${(error as Error).message}`,
      {
        hint: 'It is built again with the next commit that touches the function.',
        cause: error,
      },
    )
  }
}
