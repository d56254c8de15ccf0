import { isDeepStrictEqual } from 'node:util'
import { Problem } from '../../../schema/problem.ts'
import { withoutCredentials } from '../../broker/broker-client.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../kubernetes/resource.ts'
import { nameOf } from '../../orchestrator/kubernetes/names.ts'
import type { ManagedSpec } from '../managed-broker/managed-broker.ts'
import type { DataflowResource } from '../resource.ts'

/** The broker of a zone: one that there is, by its URL with user and password, or one that is run for the dataflow. */
export type ZoneBroker = { url: string } | { managed: ManagedSpec }

/** One that was taken up once. */
export type KeptZoneBroker = ZoneBroker & {
  /** It has not shown yet that it is fit: nothing goes by it. */
  isNew?: true
}

interface Secret extends KubernetesObject {
  data?: Record<string, string>
}

const field = 'brokers.json'

export const isManaged = (broker: ZoneBroker): broker is { managed: ManagedSpec } => 'managed' in broker

/** Whether two stand for one broker, whatever the credentials. */
export const isSameBroker = (a: ZoneBroker, b: ZoneBroker): boolean =>
  isManaged(a) || isManaged(b)
    ? isManaged(a) && isManaged(b)
    : withoutCredentials(a.url) === withoutCredentials(b.url)

/** Brokers of zones that a Dataflow was followed with, in a Secret beside it: one that its spec names no more may still
 *  hold records. */
export class KeptZoneBrokers {
  #client: Pick<KubernetesClient, 'get' | 'apply' | 'delete'>
  #at: { name: string; namespace: string; signal: AbortSignal }
  #resource: Pick<DataflowResource, 'metadata'>
  #written: Record<string, KeptZoneBroker> = {}

  constructor(
    client: Pick<KubernetesClient, 'get' | 'apply' | 'delete'>,
    resource: Pick<DataflowResource, 'metadata'>,
    signal: AbortSignal,
  ) {
    const { name, namespace } = resource.metadata
    this.#client = client
    this.#resource = resource
    this.#at = { name: nameOf(`dyninka-${name}`, 'zone-brokers'), namespace: namespace!, signal }
  }

  /** By zone; none where there never was one. @throws Problem when it is not what was written */
  async read(): Promise<Record<string, KeptZoneBroker>> {
    const secret = await this.#client.get<Secret>(resources.Secret, this.#at)
    const text = secret?.data?.[field]
    if (text === undefined) return {}
    try {
      this.#written = JSON.parse(Buffer.from(text, 'base64').toString()) as Record<string, KeptZoneBroker>
    } catch (cause) {
      throw new Problem('ZoneBrokersUnreadable', `the Secret ${this.#at.name} can not be read`, {
        disposition: 'stalled',
        hint: 'Delete it: the brokers that spec.broker.zones names are taken up anew.',
        cause,
      })
    }
    return this.#written
  }

  async write(brokers: Record<string, KeptZoneBroker>): Promise<void> {
    if (isDeepStrictEqual(brokers, this.#written)) return
    const { name, namespace, signal } = this.#at
    if (Object.keys(brokers).length === 0) await this.remove()
    else
      await this.#client.apply(
        resources.Secret,
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            name,
            namespace,
            labels: {
              'app.kubernetes.io/part-of': 'dyninka',
              'dyninka.dev/zone-brokers-of': this.#resource.metadata.name,
            },
          },
          data: { [field]: Buffer.from(JSON.stringify(brokers)).toString('base64') },
        } as KubernetesObject,
        { force: true, signal },
      )
    this.#written = brokers
  }

  async remove(): Promise<void> {
    await this.#client.delete(resources.Secret, this.#at)
  }
}
