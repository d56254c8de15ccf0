import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { isConflict } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../kubernetes/resource.ts'
import type { Tenure } from '../tenure.ts'
import type { Announcement } from './announcement.ts'
import type { DataflowResource } from './resource.ts'

// What the API takes. [events.k8s.io/v1]
const maxNote = 1_024
const maxKnown = 1_000

export interface EventRecorderOptions {
  client: Pick<KubernetesClient, 'create' | 'merge'>
  /** Of this process. */
  identity: string
  log: Logger
}

/** Writes Events. The name of one tells what it is about, so that no second one comes of the same, even from another
 *  controller; what happens again is counted in the first. */
export class EventRecorder {
  #options: EventRecorderOptions
  /** By name of the Event. */
  #counts = new Map<string, number>()
  #last: Promise<void> = Promise.resolve()

  constructor(options: EventRecorderOptions) {
    this.#options = options
  }

  /** Never throws, and nobody waits for it: an Event is told, not kept. */
  announce(resource: DataflowResource, announcement: Announcement, tenure: Tenure): void {
    const { log } = this.#options
    this.#last = this.#last
      .then(() => this.#write(resource, announcement, tenure))
      .catch(err => {
        if (!tenure.signal.aborted)
          log.warn({ err, reason: announcement.reason }, 'an event could not be written')
      })
  }

  /** Once all that was announced is written, or has failed. */
  async settled(): Promise<void> {
    await this.#last
  }

  async #write(resource: DataflowResource, announcement: Announcement, tenure: Tenure): Promise<void> {
    tenure.check()
    const { signal } = tenure
    const { client } = this.#options
    const { name, namespace, uid } = resource.metadata
    const { reason, of, isRecurring } = announcement
    const digest = createHash('sha256')
      .update(JSON.stringify([uid, reason, of]))
      .digest('hex')
      .slice(0, 16)
    const event = `${name}.${digest}`
    const count = (this.#counts.get(event) ?? 0) + 1
    if (this.#counts.size >= maxKnown) this.#counts.clear()
    this.#counts.set(event, count)
    try {
      await client.create(resources.Event, this.#eventOf(event, resource, announcement), { signal })
    } catch (error) {
      if (!isConflict(error)) throw error
      if (!isRecurring) return
      const series = { count: Math.max(2, count), lastObservedTime: microTime() }
      await client.merge(resources.Event, { name: event, namespace: namespace!, signal }, { series })
    }
  }

  #eventOf(name: string, resource: DataflowResource, announcement: Announcement): KubernetesObject {
    const { metadata, apiVersion, kind } = resource
    const { type, reason, action, note } = announcement
    return {
      apiVersion: resources.Event.apiVersion,
      kind: resources.Event.kind,
      metadata: { name, namespace: metadata.namespace! },
      type,
      reason,
      action,
      note: Buffer.byteLength(note) > maxNote ? `${cutToBytes(note, maxNote - 3)}…` : note,
      eventTime: microTime(),
      reportingController: 'dyninka.dev/controller',
      reportingInstance: this.#options.identity.slice(0, 128),
      regarding: {
        apiVersion,
        kind,
        name: metadata.name,
        namespace: metadata.namespace,
        uid: metadata.uid,
      },
    } as KubernetesObject
  }
}

const microTime = () => new Date().toISOString().replace('Z', '000Z')

const cutToBytes = (text: string, bytes: number) =>
  Buffer.from(text).subarray(0, bytes).toString().replace(/�+$/, '')
