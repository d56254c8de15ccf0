import type { Logger } from 'pino'
import { isConflict, isInvalid, isNotFound } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { pause } from '../kubernetes/exchange.ts'
import { resources } from '../kubernetes/resource.ts'
import type { DataflowResource, DataflowResourceStatus } from './resource.ts'

export interface StatusWriterOptions {
  client: Pick<KubernetesClient, 'merge'>
  log: Logger
  signal: AbortSignal
  /** The newest that is known of a Dataflow; undefined when it is gone. */
  find(key: string): DataflowResource | undefined
  /** What its status should be; undefined when nothing is to be said. */
  status(key: string, resource: DataflowResource): Promise<DataflowResourceStatus | undefined>
  /** Takes in what was written. */
  onWritten(resource: DataflowResource): void
}

/** Between two writes for one Dataflow. */
const restMs = 300
const retryMs = 2_000

// In a merge patch, null takes a field away.
const empty = {
  dataflow: null,
  revision: null,
  lastHandledReconcile: null,
  inventory: null,
  zoneBrokers: null,
}

/** Writes each status when it says something new, one at a time for each Dataflow: what changes during a write makes one
 *  more. Only the version that is known is written over: whoever knows an old one has been overtaken. */
export class StatusWriter {
  #options: StatusWriterOptions
  /** By key: as it was written last. */
  #written = new Map<string, string>()
  #asked = new Set<string>()
  #writing = new Map<string, Promise<void>>()
  /** How often the API was written. */
  writes = 0

  constructor(options: StatusWriterOptions) {
    this.#options = options
  }

  ask(key: string): void {
    this.#asked.add(key)
    if (this.#writing.has(key)) return
    const writing = this.#writeAll(key).finally(() => this.#writing.delete(key))
    this.#writing.set(key, writing)
  }

  forget(key: string): void {
    this.#written.delete(key)
  }

  /** Once nothing is being written. */
  async settled(): Promise<void> {
    await Promise.all(this.#writing.values())
  }

  async #writeAll(key: string): Promise<void> {
    const { signal, log } = this.#options
    while (this.#asked.delete(key) && !signal.aborted) {
      try {
        await this.#write(key)
        await pause(restMs, signal)
      } catch (err) {
        if (signal.aborted) return
        log.warn({ err, dataflow: key }, 'a status could not be written')
        this.#asked.add(key)
        await pause(retryMs, signal).catch(() => {})
      }
    }
  }

  async #write(key: string): Promise<void> {
    const { find, status: statusOf, onWritten, log } = this.#options
    const resource = find(key)
    const status = resource && (await statusOf(key, resource))
    if (!status) return
    const text = JSON.stringify(status)
    if (this.#written.get(key) === text) return
    try {
      const said = { ...empty, ...status }
      const written = await this.#patch(resource, said).catch((err: unknown) => {
        if (!isInvalid(err)) throw err
        log.warn({ err, dataflow: key }, 'a status was refused: it is written without functions and history')
        // An older definition refuses what it does not know. That it is older can still be told.
        return this.#patch(resource, { ...said, functions: null, history: null, zoneBrokers: null })
      })
      onWritten(written)
      this.#written.set(key, text)
      this.writes += 1
    } catch (error) {
      if (isConflict(error)) this.#asked.add(key)
      else if (!isNotFound(error)) throw error
    }
  }

  #patch({ metadata }: DataflowResource, status: object): Promise<DataflowResource> {
    const { client, signal } = this.#options
    const { name, namespace, uid, resourceVersion } = metadata
    return client.merge<DataflowResource>(
      resources.Dataflow,
      { name, namespace: namespace!, signal },
      { metadata: { uid, resourceVersion }, status },
      { subresource: 'status' },
    )
  }
}
