import { randomBytes } from 'node:crypto'
import { initialSecurity } from '../../broker/accounts/initial.ts'
import { isConflict, isInvalid } from '../../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../kubernetes/resource.ts'
import type { DataflowResource } from '../resource.ts'
import {
  accountsName,
  type BrokerZone,
  brokerLabels,
  brokerManifests,
  brokerName,
  brokerPort,
  initialKey,
} from './manifests.ts'
import { changeVolume, claimName } from './volume.ts'

export interface ManagedBroker {
  /** With the account that may make others. */
  url: string
  /** From which passwords of functions follow. */
  key: string
}

export interface ManagedBrokerOptions {
  client: KubernetesClient
  resource: Pick<DataflowResource, 'metadata'>
  managed: ManagedSpec
  /** Whose broker it is; absent: the dataflow's own. */
  zone?: BrokerZone
  /** See `ManagedBrokerSpec`. */
  image: string
  imagePullSecrets?: string[]
  /** How its Service is called by who connects: by name, or by address where there is no name resolution. */
  addresses?: 'names' | 'ips'
  signal: AbortSignal
}

export type ManagedSpec = NonNullable<DataflowResource['spec']['broker']['managed']>

interface Secret extends KubernetesObject {
  data?: Record<string, string>
}

const username = 'dyninka-controller'
const defaultStorage = '1Gi'

/** Runs a broker that is for one Dataflow alone: makes it, and brings it back to what it should be.
 *  @returns how to reach it, which may take a while to be possible. @throws ApiProblem */
export async function runBroker(options: ManagedBrokerOptions): Promise<ManagedBroker> {
  const { client, resource, zone, image, imagePullSecrets, addresses = 'names', signal } = options
  const { name: dataflow } = resource.metadata
  const namespace = resource.metadata.namespace!
  const { storage = defaultStorage, storageClassName } = options.managed
  const name = brokerName(dataflow, zone?.name)
  const labels = brokerLabels(dataflow, zone?.name)
  const { password, key } = await secretOf(client, { name, labels, namespace }, signal)
  let host = `${name}.${namespace}.svc`
  const manifests = brokerManifests({
    dataflow,
    namespace,
    image,
    storage,
    ...(imagePullSecrets && { imagePullSecrets }),
    ...(storageClassName !== undefined && { storageClassName }),
    ...(zone && { zone }),
  })
  for (const { resource, object } of manifests) {
    const applied = await client.apply(resource, object, { force: true, signal }).catch((error: unknown) => {
      if (resource !== resources.StatefulSet || !isInvalid(error)) throw error
      return changeVolume({ client, statefulSet: object, storage, signal })
    })
    if (resource.kind !== 'Service' || addresses === 'names') continue
    host = (applied as KubernetesObject & { spec: { clusterIP: string } }).spec.clusterIP
  }
  return { url: `mqtt://${username}:${password}@${host}:${brokerPort}`, key }
}

/** Removes it with all that it keeps. @param zone whose broker it is; absent: the dataflow's own */
export async function removeBroker(
  client: KubernetesClient,
  { metadata }: Pick<DataflowResource, 'metadata'>,
  signal: AbortSignal,
  zone?: string,
): Promise<void> {
  const namespace = metadata.namespace!
  const name = brokerName(metadata.name, zone)
  const parts = [
    [resources.StatefulSet, name],
    [resources.PersistentVolumeClaim, claimName(name)],
    [resources.Service, name],
    [resources.NetworkPolicy, name],
    [resources.ConfigMap, name],
    [resources.Secret, name],
    ...(zone === undefined ? [[resources.Secret, accountsName(metadata.name)] as const] : []),
  ] as const
  for (const [resource, name] of parts) await client.delete(resource, { name, namespace, signal })
}

/** Reads the secret part, and makes it where there is none: another controller may be faster. */
async function secretOf(
  client: KubernetesClient,
  { name, namespace, labels }: { name: string; namespace: string; labels: Record<string, string> },
  signal: AbortSignal,
): Promise<{ password: string; key: string }> {
  const at = { name, namespace, signal }
  let secret = await client.get<Secret>(resources.Secret, at)
  if (!secret) {
    const [password, key] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')]
    const data = { password, key, [initialKey]: initialSecurity({ username, password }) }
    secret = await client
      .create<Secret>(
        resources.Secret,
        {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name, namespace, labels },
          data: Object.fromEntries(
            Object.entries(data).map(([name, value]) => [name, Buffer.from(value).toString('base64')]),
          ),
        },
        { signal },
      )
      .catch(async (error: unknown) => {
        const theirs = isConflict(error) && (await client.get<Secret>(resources.Secret, at))
        if (!theirs) throw error
        return theirs
      })
  }
  const value = (name: string) => Buffer.from(secret.data?.[name] ?? '', 'base64').toString()
  return { password: value('password'), key: value('key') }
}
