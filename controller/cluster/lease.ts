import { isConflict } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../kubernetes/resource.ts'

export interface LeaseOptions {
  client: Pick<KubernetesClient, 'get' | 'create' | 'replace'>
  namespace: string
  name: string
  /** Of this process, and of no other ever. */
  identity: string
  /** How long a holder that says nothing is left alone. */
  durationMs: number
  /** URL where this process answers; asked for at each write. */
  url?(): string | undefined
}

/** On the Lease: where its holder answers. */
const urlAnnotation = 'dyninka.dev/url'

interface LeaseObject extends KubernetesObject {
  spec?: {
    holderIdentity?: string
    leaseDurationSeconds?: number
    acquireTime?: string
    renewTime?: string
    leaseTransitions?: number
  }
}

/** One Lease of the API, which one process at a time holds. Trusts no clock but its own: a holder has gone when its
 *  Lease has not changed for the whole duration that it gave, as seen from here. */
export class Lease {
  readonly identity: string
  #options: LeaseOptions
  #now: () => number
  /** As it was last read or written. */
  #seen: { version: string; object: LeaseObject; atMs: number } | undefined

  /** @param now monotonic, ms */
  constructor(options: LeaseOptions, now = () => performance.now()) {
    this.#options = options
    this.identity = options.identity
    this.#now = now
  }

  /** Who holds it, as far as is known. */
  get holder(): string | undefined {
    return this.#seen?.object.spec?.holderIdentity || undefined
  }

  /** Where somebody else answers who holds it, as far as is known. */
  get urlOfOther(): string | undefined {
    if (this.holder === undefined || this.holder === this.identity) return undefined
    return this.#seen!.object.metadata.annotations?.[urlAnnotation]
  }

  /** Takes it or renews it, where nobody else holds it. @returns whether this process holds it now @throws ApiProblem */
  async hold(signal: AbortSignal): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options
    try {
      const found = await client.get<LeaseObject>(resources.Lease, { namespace, name, signal })
      if (!found) {
        this.#saw(await client.create(resources.Lease, this.#next(undefined), { signal }))
        return true
      }
      this.#saw(found)
      const { holderIdentity, leaseDurationSeconds = 0 } = found.spec ?? {}
      const isTaken = holderIdentity !== undefined && holderIdentity !== '' && holderIdentity !== identity
      if (isTaken && this.#now() - this.#seen!.atMs < leaseDurationSeconds * 1_000) return false
      this.#saw(await client.replace(resources.Lease, this.#next(found), { signal }))
      return true
    } catch (error) {
      if (isConflict(error)) return false // somebody was faster
      throw error
    }
  }

  /** Lets the next one have it at once. */
  async release(signal: AbortSignal): Promise<void> {
    const seen = this.#seen?.object
    if (seen?.spec?.holderIdentity !== this.identity) return
    const spec = { ...seen.spec, holderIdentity: '', leaseDurationSeconds: 1 }
    await this.#options.client
      .replace(resources.Lease, { ...seen, spec }, { signal })
      .catch((error: unknown) => {
        if (!isConflict(error)) throw error
      })
  }

  #saw(object: LeaseObject) {
    const version = object.metadata.resourceVersion ?? ''
    if (this.#seen?.version !== version) this.#seen = { version, object, atMs: this.#now() }
  }

  #next(before: LeaseObject | undefined): LeaseObject {
    const { namespace, name, identity, durationMs } = this.#options
    const url = this.#options.url?.()
    const { spec, metadata } = before ?? {}
    const { [urlAnnotation]: _, ...others } = metadata?.annotations ?? {}
    const now = new Date().toISOString().replace('Z', '000Z') // a MicroTime
    const isNew = spec?.holderIdentity !== identity
    return {
      apiVersion: resources.Lease.apiVersion,
      kind: resources.Lease.kind,
      metadata: {
        ...(metadata ?? { name, namespace }),
        annotations: { ...others, ...(url !== undefined && { [urlAnnotation]: url }) },
      },
      spec: {
        holderIdentity: identity,
        leaseDurationSeconds: Math.ceil(durationMs / 1_000),
        acquireTime: isNew ? now : (spec?.acquireTime ?? now),
        renewTime: now,
        leaseTransitions: (spec?.leaseTransitions ?? 0) + (isNew && before ? 1 : 0),
      },
    }
  }
}
