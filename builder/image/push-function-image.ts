import type { KeyObject } from 'node:crypto'
import { Problem } from '../../schema/problem.ts'
import { documentsOf } from './documents.ts'
import { functionImage, type ImageParts, tagOf } from './function-image.ts'
import { pushBlobs, pushManifests } from './push-image.ts'
import { attach, pushDocuments } from './referrers.ts'
import type { Repository } from './registry/repository.ts'
import { signImage } from './signature.ts'

export interface PushOptions extends ImageParts {
  /** Where to. */
  repository: Repository
  /** Signs what is pushed; see `signingKey`. What is there already stays as it is. */
  signature?: KeyObject
}

export interface PushedImage {
  /** `registry/repository@sha256:…`, for a pod. */
  reference: string
  digest: string
  /** `false`: the registry had it, whoever built it. */
  pushed: boolean
  /** Bodies of all requests. */
  bytesPushed: number
  ms: number
}

/**
 * Makes the image of a function, or of a source or sink, and pushes it, unless the registry has it.
 * @throws Problem that says what to change, AbortError
 *
 * @example
 * const registry = new Registry(address, { credentials: pullSecretCredentials(secret) })
 * const base = await findBase(new Repository(registry, 'base'), 'sha256:…')
 * const { reference } = await pushFunctionImage({ artifact, runtime, base, repository: new Repository(registry, 'flows/etl') })
 */
export async function pushFunctionImage(options: PushOptions): Promise<PushedImage> {
  const { registry, name } = options.repository
  try {
    return await push(options)
  } catch (error) {
    if (!(error instanceof Problem) || error.reason !== 'BlobMissing') throw error
    registry.forget(name) // what was there has been removed meanwhile
    return push(options)
  }
}

async function push(options: PushOptions): Promise<PushedImage> {
  const { repository, signature } = options
  const start = performance.now()
  const done = (digest: string, bytesPushed: number, pushed: boolean): PushedImage => ({
    reference: `${repository.address}@${digest}`,
    digest,
    pushed,
    bytesPushed,
    ms: performance.now() - start,
  })
  const tag = tagOf(options)
  const found = await repository.digestOf(tag)
  if (found) return done(found, 0, false)
  const image = await functionImage(options)
  const { root } = image
  const documents = await documentsOf(options, image, repository.address)
  const bytes = await Promise.all([
    pushBlobs(image, options.base, repository),
    pushDocuments(documents, repository),
  ])
  const attached = attach(documents, root.descriptor, repository)
  const signed = signature ? signImage(root.descriptor.digest, signature, repository) : 0
  bytes.push(...(await Promise.all([pushManifests(image, repository), attached, signed])))
  // Last: who finds the tag finds all of it.
  await repository.putManifest(root, tag)
  bytes.push(root.descriptor.size)
  return done(
    root.descriptor.digest,
    bytes.reduce((sum, sent) => sum + sent, 0),
    true,
  )
}
