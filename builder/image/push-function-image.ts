import { functionImage, type ImageParts, tagOf } from './function-image.ts'
import { pushBlobs, pushManifests } from './push-image.ts'
import type { Repository } from './registry/repository.ts'

export interface PushOptions extends ImageParts {
  /** Where to. */
  repository: Repository
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
  const { repository } = options
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
  const ofBlobs = await pushBlobs(image, options.base, repository)
  const ofManifests = await pushManifests(image, repository)
  await repository.putManifest(image.root, tag)
  const { digest, size } = image.root.descriptor
  return done(digest, ofBlobs + ofManifests + size, true)
}
