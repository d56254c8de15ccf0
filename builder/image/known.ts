import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactRecord } from '../artifact.ts'
import type { Code } from './function-image.ts'
import type { Known } from './sbom.ts'

/** What the store notes of an artifact. */
export async function knownOf({ path }: Code): Promise<Known> {
  const record: ArtifactRecord = JSON.parse(await readFile(join(path, 'artifact.json'), 'utf8'))
  const { toolchain, inputs, packages = [] } = record
  return { toolchain, inputs, packages }
}
