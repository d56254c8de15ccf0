import type { KubernetesClient } from '../kubernetes/client.ts'
import { resources } from '../kubernetes/resource.ts'
import { tokenFor } from '../server/token.ts'
import type { DataflowResource } from './resource.ts'

/** Where people come in. */
export interface Door {
  /** That opens all of the API. */
  token: string
  /** The Service in front of all replicas, and its namespace. */
  namespace: string
  service: string
}

/** Of the Secret with which people ask the controller about one Dataflow. Who may read it, may ask. */
export const accessName = (dataflow: string) => `dyninka-${dataflow}-access`

/** Writes down where the controller is, and what opens its API for this Dataflow alone. It goes with the Dataflow.
 *  @throws ApiProblem */
export async function giveAccess(
  client: Pick<KubernetesClient, 'apply'>,
  { apiVersion, kind, metadata }: DataflowResource,
  { token, namespace, service }: Door,
  signal: AbortSignal,
): Promise<void> {
  const { name, uid } = metadata
  const data = { namespace, service, token: tokenFor(token, uid!) }
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: accessName(name),
      namespace: metadata.namespace!,
      labels: { 'app.kubernetes.io/managed-by': 'dyninka', 'dyninka.dev/access-to': name },
      ownerReferences: [{ apiVersion, kind, name, uid: uid! }],
    },
    data: Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
    ),
  }
  await client.apply(resources.Secret, secret, { signal })
}
