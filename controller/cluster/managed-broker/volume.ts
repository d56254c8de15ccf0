import { setTimeout as sleep } from 'node:timers/promises'
import { Problem } from '../../../schema/problem.ts'
import { isInvalid, isNotFound } from '../../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../../kubernetes/resource.ts'

export interface VolumeChange {
  client: Pick<KubernetesClient, 'apply' | 'merge' | 'delete'>
  /** Of the StatefulSet whose claim differs from that of the one that is there. */
  statefulSet: KubernetesObject
  /** What the claim asks for now. */
  storage: string
  signal: AbortSignal
}

const patienceMs = 10_000

/** Of the first pod, which is the only one. */
export const claimName = (statefulSet: string) => `data-${statefulSet}-0`

/** Gives a broker that runs the volume that it is to have. What a StatefulSet says of its volumes never changes, so it is
 *  made anew, around the pod and the claim, which stay. @throws Problem `StorageFixed` when the volume can't be changed:
 *  then nothing was */
export async function changeVolume({ client, statefulSet, storage, signal }: VolumeChange): Promise<void> {
  const { name } = statefulSet.metadata
  const namespace = statefulSet.metadata.namespace!
  const place = { namespace, signal }
  const asked = { spec: { resources: { requests: { storage } } } }
  await client
    .merge(resources.PersistentVolumeClaim, { name: claimName(name), ...place }, asked)
    .catch((error: unknown) => {
      if (!isNotFound(error)) throw fixed(claimName(name), storage, error)
    })
  await client.delete(resources.StatefulSet, { name, propagation: 'Orphan', ...place })
  // It is there until its pod and its claim have been told that nobody owns them.
  for (const begun = performance.now(); ; await sleep(200, undefined, { signal })) {
    try {
      await client.apply(resources.StatefulSet, statefulSet, { force: true, signal })
      return
    } catch (error) {
      if (!isInvalid(error) || performance.now() - begun > patienceMs) throw error
    }
  }
}

const fixed = (claim: string, storage: string, cause: unknown) =>
  new Problem('StorageFixed', `the volume ${claim} can not have ${storage}: ${(cause as Error).message}`, {
    disposition: 'waiting',
    hint: 'Set spec.broker.managed.storage to what the volume has: it can only grow, and only where its StorageClass allows it.',
    cause,
  })
