import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, rename, rm, utimes, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { type Artifact, type ArtifactRecord, digestOf, sha256 } from './artifact.ts'
import type { Package } from './packages.ts'

export const artifactPath = (store: string, digest: string) => resolve(store, ...digest.split(':'))

/** The artifact, read and checked to the last byte; `undefined` if it is missing, torn or altered. */
export async function findArtifact(store: string, digest: string): Promise<Artifact | undefined> {
  const path = artifactPath(store, digest)
  try {
    // Small files, many of them: a synchronous read takes a quarter of the time of one that goes to a thread.
    const record: ArtifactRecord = JSON.parse(readFileSync(join(path, 'artifact.json'), 'utf8'))
    if (digestOf(record.toolchain, record.files) !== digest) return undefined
    for (const [name, { sha256: expected }] of Object.entries(record.files)) {
      if (sha256(readFileSync(join(path, name))) !== expected) return undefined
    }
    return artifactOf(record, path)
  } catch {
    return undefined
  }
}

/**
 * Puts files under their digest, all or nothing: a folder appears by one rename, so a writer that dies leaves
 * none, and of two writers one wins.
 * @returns `built: false` when a sound one was there already
 */
export async function keepArtifact(
  store: string,
  content: {
    toolchain: string
    files: { [name: string]: Uint8Array }
    inputs: string[]
    packages?: Package[]
  },
): Promise<{ artifact: Artifact; built: boolean }> {
  const files = Object.fromEntries(
    Object.entries(content.files).map(([name, bytes]) => [
      name,
      { sha256: sha256(bytes), bytes: bytes.length },
    ]),
  )
  const digest = digestOf(content.toolchain, files)
  const { toolchain, inputs, packages = [] } = content
  const record: ArtifactRecord = {
    digest,
    toolchain,
    files,
    inputs,
    ...(packages.length > 0 && { packages }),
  }
  const path = artifactPath(store, digest)
  const found = await findArtifact(store, digest)
  if (found) {
    await markUsed(path)
    return { artifact: found, built: false }
  }
  const fresh = await temporaryFolder(store)
  try {
    for (const [name, bytes] of Object.entries(content.files)) await writeFile(join(fresh, name), bytes)
    await writeFile(join(fresh, 'artifact.json'), `${JSON.stringify(record, null, 2)}\n`)
    await mkdir(dirname(path), { recursive: true })
    for (let attempt = 0; ; attempt++) {
      try {
        await rename(fresh, path)
        return { artifact: artifactOf(record, path), built: true }
      } catch (error) {
        if (!isTaken(error) || attempt === 3) throw error
      }
      const theirs = await findArtifact(store, digest)
      if (theirs) return { artifact: theirs, built: false }
      // What is there is broken. It goes by a rename too, so that nobody sees half of it.
      await rename(path, join(store, 'tmp', randomUUID())).catch(() => {})
    }
  } finally {
    await rm(fresh, { recursive: true, force: true })
  }
}

const artifactOf = (record: ArtifactRecord, path: string): Artifact => ({
  digest: record.digest,
  path,
  bytes: codeBytes(record),
  inputs: record.inputs,
})

/** A new folder on the store's own disk, so that it can be renamed into place. */
export async function temporaryFolder(store: string): Promise<string> {
  const path = join(store, 'tmp', randomUUID())
  await mkdir(path, { recursive: true })
  return path
}

/** Dates a folder of the store today: it is kept for another while. */
export const markUsed = (path: string) => utimes(path, new Date(), new Date())

export const isTaken = (error: unknown) =>
  ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')

const codeBytes = (record: ArtifactRecord) =>
  Object.entries(record.files).reduce(
    (sum, [name, file]) => (name.endsWith('.mjs') ? sum + file.bytes : sum),
    0,
  )
