import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Problem } from '../../../schema/problem.ts'
import { type Blob, type Descriptor, digestOf, mediaTypes } from '../blob.ts'
import { patiently } from './patience.ts'
import type { Registry } from './registry.ts'
import { share } from './share.ts'
import { unreachable } from './unreachable.ts'
import { upload } from './upload.ts'

/** A manifest or index as it lies in a registry. */
export interface Stored {
  descriptor: Descriptor
  content: Buffer
}

const accepted = [
  mediaTypes.index,
  mediaTypes.manifest,
  mediaTypes.dockerList,
  mediaTypes.dockerManifest,
].join(', ')

/** One repository of a registry. All but what it says is tried again for a while. @throws Problem, AbortError */
export class Repository {
  readonly registry: Registry
  readonly name: string
  readonly #signal: AbortSignal | undefined

  constructor(registry: Registry, name: string, signal?: AbortSignal) {
    this.registry = registry
    this.name = name
    this.#signal = signal
  }

  /** `registry/repository`, as an image that Kubernetes pulls is called. */
  get address() {
    return `${this.registry.address.host}/${this.name}`
  }

  /** Digest of the manifest or index under a tag; undefined where there is none. */
  async digestOf(tag: string): Promise<string | undefined> {
    const { answer } = await this.#ask('HEAD', `manifests/${tag}`, { expect: [200, 404], doing: 'look into' })
    if (answer.statusCode === 404) return undefined
    const named = answer.headers['docker-content-digest']
    return typeof named === 'string' ? named : (await this.manifest(tag))?.descriptor.digest
  }

  /** @param reference tag or digest @returns undefined where there is none */
  async manifest(reference: string): Promise<Stored | undefined> {
    const { answer, body } = await this.#ask('GET', `manifests/${reference}`, {
      expect: [200, 404],
      doing: 'pull from',
    })
    if (answer.statusCode === 404) return undefined
    const digest = digestOf(body)
    if (reference.includes(':') && reference !== digest) throw this.#mismatch(reference, digest)
    const mediaType = answer.headers['content-type']?.split(';')[0] ?? mediaTypes.manifest
    return { descriptor: { mediaType, digest, size: body.length }, content: body }
  }

  /** @param tag where it shall be found, by its digest alone if there is none
   *  @returns whether the registry will list it with its subject, if it has one */
  async putManifest({ descriptor, content }: Blob & { content: Uint8Array }, tag?: string) {
    const { digest, mediaType } = descriptor
    const { answer } = await this.#ask('PUT', `manifests/${tag ?? digest}`, {
      expect: [201, 202],
      doing: 'push to',
      headers: { 'content-type': mediaType },
      body: content,
    })
    const stored = answer.headers['docker-content-digest']
    if (typeof stored === 'string' && stored !== digest) throw this.#mismatch(digest, stored)
    return { listed: answer.headers['oci-subject'] !== undefined }
  }

  async hasBlob(digest: string): Promise<boolean> {
    const { answer } = await this.#ask('HEAD', `blobs/${digest}`, { expect: [200, 404], doing: 'look into' })
    return answer.statusCode === 200
  }

  /** A small blob, such as a config. */
  async blob({ digest }: Descriptor): Promise<Buffer> {
    const { body } = await this.#ask('GET', `blobs/${digest}`, { expect: [200], doing: 'pull from' })
    if (digestOf(body) !== digest) throw this.#mismatch(digest, digestOf(body))
    return body
  }

  /** Writes a blob of any size to a file, checked. */
  async fetchBlob({ digest }: Descriptor, file: string): Promise<void> {
    const attempt = async () => {
      const ask = { method: 'GET' as const, path: `blobs/${digest}`, expect: [200], doing: 'pull from' }
      const { answer, url } = await this.registry.ask(this.name, { ...ask, ...this.#rest() })
      const hash = createHash('sha256')
      const hashed = new Transform({
        transform(chunk, _, done) {
          hash.update(chunk)
          done(null, chunk)
        },
      })
      await pipeline(answer, hashed, createWriteStream(file)).catch(error => {
        throw error.syscall === 'write' || error.syscall === 'open' ? error : unreachable(error, url)
      })
      const is = `sha256:${hash.digest('hex')}`
      if (is !== digest) throw this.#mismatch(digest, is)
    }
    await patiently(attempt, this.registry.patience, this.#signal)
  }

  /** Brings a blob there, unless it is there. @returns how many bytes were sent */
  async putBlob(blob: Blob): Promise<number> {
    const key = `${this.name}@${blob.descriptor.digest}`
    const { uploads } = this.registry
    const other = uploads.get(key)
    if (other) {
      const isDone = await share(
        other.then(
          () => true,
          () => false,
        ),
        this.#signal,
      )
      return isDone ? 0 : this.putBlob(blob)
    }
    const own = this.#putBlob(blob).finally(() => uploads.delete(key))
    uploads.set(key, own)
    return own
  }

  /** Takes a blob over from another repository of the same registry. @returns false when it could not */
  async mountBlob(digest: string, from: string): Promise<boolean> {
    if (await this.#knows(digest)) return true
    const query = `?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`
    const scopes = [`repository:${this.name}:pull,push`, `repository:${from}:pull`]
    const start = () => this.#start(query, scopes)
    const { location } = await patiently(start, this.registry.patience, this.#signal)
    if (location === undefined) this.registry.saw(this.name, digest)
    return location === undefined
  }

  async #putBlob(blob: Blob): Promise<number> {
    const { digest } = blob.descriptor
    if (blob.isShared && (await this.#knows(digest))) return 0
    // To send what is small and new takes less than to ask for it.
    const isWorthALook = !blob.isShared && blob.descriptor.size > 64 * 1024
    if (isWorthALook && (await this.hasBlob(digest))) return 0
    const sent = await upload(blob, {
      registry: this.registry,
      repository: this.name,
      signal: this.#signal,
      hasIt: () => this.hasBlob(digest),
      start: () => this.#start(),
    })
    if (blob.isShared) this.registry.saw(this.name, digest)
    return sent
  }

  async #knows(digest: string): Promise<boolean> {
    const { registry, name } = this
    if (registry.hasSeen(name, digest)) return true
    const isThere = await this.hasBlob(digest)
    if (isThere) registry.saw(name, digest)
    return isThere
  }

  /** Begins an upload, without patience. @returns no location when the blob could be taken over */
  async #start(query = '', scopes?: string[]): Promise<{ location?: URL; minBytes: number }> {
    const { answer, url } = await this.registry.ask(this.name, {
      method: 'POST',
      path: `blobs/uploads/${query}`,
      expect: [201, 202],
      doing: 'push to',
      ...(scopes && { scopes }),
      ...this.#rest(),
    })
    answer.resume()
    if (answer.statusCode === 201) return { minBytes: 0 }
    return {
      location: new URL(answer.headers.location ?? '', url),
      minBytes: Number(answer.headers['oci-chunk-min-length'] ?? 0),
    }
  }

  #ask(
    method: 'GET' | 'HEAD' | 'PUT',
    path: string,
    ask: {
      expect: number[]
      doing: string
      headers?: Record<string, string>
      body?: Uint8Array
      scopes?: string[]
    },
  ) {
    const isFetch = path.startsWith('manifests/') && method !== 'PUT'
    const headers: Record<string, string> = isFetch ? { accept: accepted } : {}
    return this.registry.askPatiently(this.name, { method, path, headers, ...ask, ...this.#rest() })
  }

  #rest() {
    return this.#signal ? { signal: this.#signal } : {}
  }

  #mismatch(wanted: string, is: string) {
    return new Problem('DigestMismatch', `${this.address} gave ${is} for ${wanted}`, {
      hint: 'Something between altered it, or the registry is broken; it is tried again.',
    })
  }
}
