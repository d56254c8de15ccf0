import type { IncomingMessage } from 'node:http'
import { ApiProblem, isGone } from './api-problem.ts'
import { type Exchange, pause } from './exchange.ts'
import { lines } from './lines.ts'
import { type KubernetesObject, pathOf, type Resource } from './resource.ts'

export interface InformerOptions<T extends KubernetesObject> {
  /** All namespaces when absent. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  /** Only `metadata` is asked for, and known. */
  metadataOnly?: true
  /** What is kept of an object: everything but `managedFields` when absent. */
  trim?(object: T): T
  /** `now` is absent when the object is gone, `before` when it is new. Must not throw. */
  onChange?(now: T | undefined, before: T | undefined): void
  /** Each failure to list or to watch; it is tried again. */
  onError?(problem: ApiProblem): void
  /** Longest silence of the server before the connection counts as dead. */
  silentMs?: number
}

export interface Feed<T> {
  list(selection: {
    namespace?: string
    labelSelector?: string
    fieldSelector?: string
    metadataOnly?: true
    signal: AbortSignal
  }): Promise<{ items: T[]; resourceVersion: string }>
  open(exchange: Exchange): Promise<IncomingMessage>
}

const defaultSilentMs = 60_000
const maxBackoffMs = 15_000

/** A copy of one selection of objects that follows the server through every kind of disconnect. */
export class Informer<T extends KubernetesObject> {
  /** Resolves once it knows all objects for the first time; never when it is closed before. */
  readonly synced: Promise<void>
  #resource: Resource
  #options: InformerOptions<T>
  #feed: Feed<T>
  #objects = new Map<string, T>()
  #version: string | undefined
  #closed = new AbortController()
  #isFresh = false
  #running: Promise<void>

  constructor(resource: Resource, options: InformerOptions<T>, feed: Feed<T>) {
    this.#resource = resource
    this.#options = options
    this.#feed = feed
    const { promise, resolve } = Promise.withResolvers<void>()
    this.synced = promise
    this.#running = this.#run(resolve)
  }

  /** A watch is open: what it knows is at most a moment old. */
  get isFresh(): boolean {
    return this.#isFresh
  }

  get(name: string, namespace?: string): T | undefined {
    return this.#objects.get(keyOf({ name, ...(namespace !== undefined && { namespace }) }))
  }

  list(): T[] {
    return [...this.#objects.values()]
  }

  /** Takes in what a write of ours was answered, ahead of its event. */
  take(object: T): void {
    const known = this.#objects.get(keyOf(object.metadata))
    if (!known || isNewer(object, known)) this.#set(this.#trimmed(object))
  }

  /** Forgets what a delete of ours took away, ahead of its event. */
  drop(object: T): void {
    const known = this.#objects.get(keyOf(object.metadata))
    if (known && known.metadata.uid === object.metadata.uid) this.#remove(known)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await this.#running
  }

  async #run(synced: () => void): Promise<void> {
    const { signal } = this.#closed
    let failures = 0
    while (!signal.aborted) {
      try {
        if (this.#version === undefined) {
          await this.#relist()
          synced()
        }
        await this.#watch(() => {
          failures = 0
        })
      } catch (error) {
        if (signal.aborted) break
        // Whoever remembers less than we do gets asked for everything.
        if (isGone(error)) this.#version = undefined
        const problem = error instanceof ApiProblem ? error : undefined
        if (!problem) throw error
        if (isGone(error) && failures === 0) {
          failures = 1
          continue
        }
        failures += 1
        this.#options.onError?.(problem)
        const backoffMs = Math.min(maxBackoffMs, 100 * 2 ** Math.min(failures, 10))
        const waitMs = Math.max(backoffMs, problem.retryAfterMs ?? 0) * (0.75 + Math.random() / 2)
        await pause(waitMs, signal).catch(() => {})
      } finally {
        this.#isFresh = false
      }
    }
  }

  async #relist(): Promise<void> {
    const { signal } = this.#closed
    const { metadataOnly } = this.#options
    const { items, resourceVersion } = await this.#feed.list({
      ...this.#selection,
      ...(metadataOnly && { metadataOnly }),
      signal,
    })
    const listed = numberOf(resourceVersion)
    const gone = new Map(this.#objects)
    for (const item of items) {
      const object = this.#trimmed(item)
      gone.delete(keyOf(object.metadata))
      const known = this.#objects.get(keyOf(object.metadata))
      if (known && versionOf(known) > listed) continue
      if (known?.metadata.resourceVersion !== object.metadata.resourceVersion) this.#set(object)
    }
    // What was taken in while the list was on its way is newer, and not gone.
    for (const object of gone.values()) if (versionOf(object) <= listed) this.#remove(object)
    this.#version = resourceVersion
  }

  /** Follows one connection to its end; ends well when the server has ended it, as it does in time.
   *  @throws ApiProblem */
  async #watch(onLife: () => void): Promise<void> {
    const { silentMs = defaultSilentMs } = this.#options
    const what = `watch ${this.#resource.plural}`
    // The server ends it before silence can mean anything else than a dead connection.
    const timeoutSeconds = Math.max(1, Math.floor((silentMs / 1_000) * (0.6 + Math.random() * 0.3)))
    const response = await this.#feed.open({
      method: 'GET',
      path: pathOf(this.#resource, this.#selection),
      query: {
        labelSelector: this.#options.labelSelector,
        fieldSelector: this.#options.fieldSelector,
        watch: true,
        allowWatchBookmarks: true,
        resourceVersion: this.#version,
        timeoutSeconds,
      },
      what,
      ...(this.#options.metadataOnly && { as: 'PartialObjectMetadata' }),
      timeoutMs: silentMs,
      signal: this.#closed.signal,
    })
    this.#isFresh = true
    onLife()
    try {
      for await (const line of lines(response)) if (line !== '') this.#hear(line, what)
    } catch (error) {
      if (error instanceof ApiProblem) throw error
      throw new ApiProblem(0, 'WatchLost', `cannot ${what}: the connection was lost`, {
        cause: error,
      })
    }
  }

  #hear(line: string, what: string): void {
    let event: { type: string; object: T & { code?: number; reason?: string; message?: string } }
    try {
      event = JSON.parse(line)
    } catch (error) {
      // The connection was cut within a line.
      throw new ApiProblem(0, 'WatchLost', `cannot ${what}: an event has no end`, { cause: error })
    }
    const { type, object } = event
    if (type === 'ERROR') {
      const { code = 500, reason = 'WatchError', message = '' } = object
      throw new ApiProblem(code, reason, `cannot ${what}: ${message}`)
    }
    if (type === 'ADDED' || type === 'MODIFIED') {
      const known = this.#objects.get(keyOf(object.metadata))
      if (!known || known.metadata.uid !== object.metadata.uid || isNewer(object, known))
        this.#set(this.#trimmed(object))
    } else if (type === 'DELETED') {
      const known = this.#objects.get(keyOf(object.metadata))
      if (known && known.metadata.uid === object.metadata.uid) this.#remove(known)
    }
    this.#version = object.metadata.resourceVersion! // a bookmark's too
  }

  #set(object: T): void {
    const key = keyOf(object.metadata)
    const before = this.#objects.get(key)
    this.#objects.set(key, object)
    this.#options.onChange?.(object, before)
  }

  #remove(object: T): void {
    this.#objects.delete(keyOf(object.metadata))
    this.#options.onChange?.(undefined, object)
  }

  #trimmed(object: T): T {
    const { managedFields: _, ...metadata } = object.metadata as T['metadata'] & { managedFields?: unknown }
    const { apiVersion, kind } = object
    const bare = this.#options.metadataOnly ? ({ apiVersion, kind, metadata } as T) : { ...object, metadata }
    return this.#options.trim?.(bare) ?? bare
  }

  get #selection() {
    const { namespace, labelSelector, fieldSelector } = this.#options
    return {
      ...(namespace !== undefined && { namespace }),
      ...(labelSelector !== undefined && { labelSelector }),
      ...(fieldSelector !== undefined && { fieldSelector }),
    }
  }
}

const keyOf = ({ namespace = '', name }: { namespace?: string; name: string }) => `${namespace}/${name}`

/** Versions grow, and are comparable within one kind, since Kubernetes says so. */
function isNewer(a: KubernetesObject, b: KubernetesObject): boolean {
  return versionOf(a) > versionOf(b)
}

const versionOf = ({ metadata }: KubernetesObject) => numberOf(metadata.resourceVersion)

function numberOf(version = '0'): bigint {
  try {
    return BigInt(version)
  } catch {
    return 0n
  }
}
