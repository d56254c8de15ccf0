import { hash } from 'node:crypto'
import type { Package } from './packages.ts'

/** A built function (or host) in the store. */
export interface Artifact {
  /** `sha256:…`: the same wherever and by whomever it was built from the same sources. */
  digest: string
  /** Absolute folder that holds the files. */
  path: string
  /** Of the code, without its source map. */
  bytes: number
  /** What went into it, relative to the top of the repository; packages as `node_modules/…`. */
  inputs: string[]
}

/** What `artifact.json` says: enough to check the files beside it, and the digest, against one another. */
export interface ArtifactRecord {
  digest: string
  toolchain: string
  files: { [name: string]: { sha256: string; bytes: number } }
  inputs: string[]
  /** Of which parts went into it; one that an earlier version built does not know them. */
  packages?: Package[]
}

export const sha256 = (content: string | Uint8Array) => hash('sha256', content)

/** Names the output rather than the inputs: it says what runs, and the store can check it by reading. The source
 *  map carries the sources, so a change in what a function is made of shows here, and one in code that the
 *  bundler dropped does not. */
export function digestOf(toolchain: string, files: ArtifactRecord['files']): string {
  const named = Object.keys(files)
    .sort()
    .map(name => [name, files[name]!.sha256])
  return `sha256:${sha256(JSON.stringify([toolchain, named]))}`
}
