import type { IncomingMessage } from 'node:http'
import { type AccessOptions, openAccess } from './access.ts'
import { type ApiProblem, isNotFound } from './api-problem.ts'
import { type Exchange, Exchanges } from './exchange.ts'
import { Informer, type InformerOptions } from './informer.ts'
import { lines } from './lines.ts'
import { type KubernetesObject, pathOf, type Resource, showObject } from './resource.ts'

/** Whose fields are ours, in the eyes of the API server. */
export const fieldManager = 'dyninka'

export interface ObjectName {
  name: string
  namespace?: string
  signal?: AbortSignal
}

export interface Selection {
  /** All namespaces when absent. */
  namespace?: string
  labelSelector?: string
  fieldSelector?: string
  /** Only `metadata` of each object. */
  metadataOnly?: true
  signal?: AbortSignal
}

export interface DeleteOptions extends ObjectName {
  /** Of the object that is meant: another one of the same name stays. */
  uid?: string
  /** Deletes only this version. */
  resourceVersion?: string
  /** What the object says when absent. */
  graceSeconds?: number
  /** `Background` when absent. */
  propagation?: 'Background' | 'Foreground' | 'Orphan'
}

export interface PodLogOptions {
  follow?: boolean
  tailLines?: number
  container?: string
  /** Of the container that ran before. */
  previous?: boolean
  sinceTime?: string
  /** Begins each line with its time, RFC 3339, and a space. */
  timestamps?: boolean
  signal?: AbortSignal
}

const pageSize = 500

/** What the controller does with an API server. Every method throws `ApiProblem`. */
export class KubernetesClient {
  /** Of the context; `default` when it names none. */
  readonly namespace: string
  #exchanges: Exchanges

  private constructor(namespace: string, exchanges: Exchanges) {
    this.namespace = namespace
    this.#exchanges = exchanges
  }

  /** Asks nothing of the server yet. @throws Problem when there is no usable configuration */
  static async open(options: AccessOptions = {}): Promise<KubernetesClient> {
    const access = await openAccess(options)
    return new KubernetesClient(access.namespace, new Exchanges(access))
  }

  /** Makes the object have these fields, and takes away those that we set before and that aren't there now: server-side
   *  apply. Fields of others stay. @param force takes over fields that another manager has set too
   *  @param dryRun asks what would come of it, admission included */
  apply<T extends KubernetesObject>(
    resource: Resource,
    object: KubernetesObject & object,
    {
      force = true,
      dryRun = false,
      subresource,
      manager = fieldManager,
      signal,
    }: {
      force?: boolean
      dryRun?: boolean
      subresource?: string
      manager?: string
      signal?: AbortSignal
    } = {},
  ): Promise<T> {
    const { name, namespace } = object.metadata
    return this.#exchanges.json<T>({
      method: 'PATCH',
      path: pathOf(resource, { name, ...(namespace && { namespace }), ...(subresource && { subresource }) }),
      query: { fieldManager: manager, force, fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined },
      contentType: 'application/apply-patch+yaml',
      body: object,
      what: `apply ${showObject(resource, name, namespace)}`,
      ...(signal && { signal }),
    })
  }

  /** @throws ApiProblem 409 when it exists */
  create<T extends KubernetesObject>(
    resource: Resource,
    object: T,
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<T> {
    const { name, namespace } = object.metadata
    return this.#exchanges.json<T>({
      method: 'POST',
      path: pathOf(resource, { ...(namespace && { namespace }) }),
      query: { fieldManager },
      body: object,
      what: `create ${showObject(resource, name, namespace)}`,
      ...(signal && { signal }),
    })
  }

  /** Replaces the whole object. With `metadata.resourceVersion`, only that version.
   *  @throws ApiProblem 409 when it has changed meanwhile */
  replace<T extends KubernetesObject>(
    resource: Resource,
    object: T,
    { subresource, signal }: { subresource?: string; signal?: AbortSignal } = {},
  ): Promise<T> {
    const { name, namespace } = object.metadata
    return this.#exchanges.json<T>({
      method: 'PUT',
      path: pathOf(resource, { name, ...(namespace && { namespace }), ...(subresource && { subresource }) }),
      query: { fieldManager },
      body: object,
      what: `update ${showObject(resource, name, namespace)}`,
      ...(signal && { signal }),
    })
  }

  /** Changes fields by JSON merge patch: null takes one away. */
  merge<T extends KubernetesObject>(
    resource: Resource,
    { name, namespace, signal }: ObjectName,
    patch: object,
    { subresource }: { subresource?: string } = {},
  ): Promise<T> {
    return this.#exchanges.json<T>({
      method: 'PATCH',
      path: pathOf(resource, { name, ...(namespace && { namespace }), ...(subresource && { subresource }) }),
      query: { fieldManager },
      contentType: 'application/merge-patch+json',
      body: patch,
      what: `patch ${showObject(resource, name, namespace)}`,
      ...(signal && { signal }),
    })
  }

  async get<T extends KubernetesObject>(
    resource: Resource,
    { name, namespace, signal }: ObjectName,
  ): Promise<T | undefined> {
    try {
      return await this.#exchanges.json<T>({
        method: 'GET',
        path: pathOf(resource, { name, ...(namespace && { namespace }) }),
        what: `get ${showObject(resource, name, namespace)}`,
        ...(signal && { signal }),
      })
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  /** All that match, page by page, with the version of the collection. */
  async list<T extends KubernetesObject>(
    resource: Resource,
    selection: Selection = {},
  ): Promise<{ items: T[]; resourceVersion: string }> {
    const { namespace, labelSelector, fieldSelector, metadataOnly, signal } = selection
    const items: T[] = []
    let token: string | undefined
    for (;;) {
      const page = await this.#exchanges.json<{
        metadata: { resourceVersion: string; continue?: string }
        items: T[] | null
      }>({
        method: 'GET',
        path: pathOf(resource, namespace === undefined ? {} : { namespace }),
        query: { labelSelector, fieldSelector, limit: pageSize, continue: token },
        what: `list ${resource.plural}`,
        ...(metadataOnly && { as: 'PartialObjectMetadataList' }),
        ...(signal && { signal }),
      })
      // Items of a list leave out what the list says.
      for (const item of page.items ?? [])
        items.push({ ...item, apiVersion: resource.apiVersion, kind: resource.kind })
      token = page.metadata.continue || undefined
      if (token === undefined) return { items, resourceVersion: page.metadata.resourceVersion }
    }
  }

  /** @returns false when it was gone already */
  async delete(
    resource: Resource,
    {
      name,
      namespace,
      uid,
      resourceVersion,
      graceSeconds,
      propagation = 'Background',
      signal,
    }: DeleteOptions,
  ): Promise<boolean> {
    const preconditions = { ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) }
    try {
      await this.#exchanges.json({
        method: 'DELETE',
        path: pathOf(resource, { name, ...(namespace && { namespace }) }),
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: propagation,
          preconditions,
          ...(graceSeconds !== undefined && { gracePeriodSeconds: graceSeconds }),
        },
        what: `delete ${showObject(resource, name, namespace)}`,
        ...(signal && { signal }),
      })
      return true
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
  }

  /** Knows all objects of a selection, and tells of each change. It runs until it is closed. */
  watch<T extends KubernetesObject>(resource: Resource, options: InformerOptions<T>): Informer<T> {
    return new Informer(resource, options, {
      list: selection => this.list<T>(resource, selection),
      open: exchange => this.#exchanges.open(exchange),
    })
  }

  /** Lines of one pod, without their ends; ends with its container, or at once when nothing is followed. */
  async *logs({ name, namespace }: ObjectName, options: PodLogOptions = {}): AsyncIterable<string> {
    const { signal, follow, tailLines, container, previous, sinceTime, timestamps } = options
    const pods = { apiVersion: 'v1', kind: 'Pod', plural: 'pods' }
    const response = await this.#exchanges.open({
      method: 'GET',
      path: pathOf(pods, { name, ...(namespace && { namespace }), subresource: 'log' }),
      query: { follow, tailLines, container, previous, sinceTime, timestamps },
      what: `read the log of ${showObject(pods, name, namespace)}`,
      // A function may have nothing to say for days.
      timeoutMs: follow ? 0 : 30_000,
      ...(signal && { signal }),
    })
    yield* lines(response)
  }

  /** Any other request, as `kubectl --raw` has it. @returns the parsed answer */
  raw<T>(exchange: Exchange): Promise<T> {
    return this.#exchanges.json<T>(exchange)
  }

  /** The answer to a request, whatever it says: of what the API server only passes on. */
  answer(exchange: Exchange): Promise<IncomingMessage> {
    return this.#exchanges.answer(exchange)
  }

  /** Whether the API server answers at all. @returns its version, or why not */
  async reach(signal?: AbortSignal): Promise<string | ApiProblem> {
    try {
      const { gitVersion } = await this.#exchanges.json<{ gitVersion: string }>({
        method: 'GET',
        path: '/version',
        what: 'ask for the version of the API server',
        ...(signal && { signal }),
      })
      return gitVersion
    } catch (error) {
      return error as ApiProblem
    }
  }

  /** Lets go of its connections; informers are closed by who opened them. */
  close(): void {
    this.#exchanges.close()
  }
}
