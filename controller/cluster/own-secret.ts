import { randomBytes } from 'node:crypto'
import { isConflict } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../kubernetes/resource.ts'

/** What controllers of one installation share, and nobody else may know. */
export interface OwnSecret {
  /** With which secrets of functions are digested: many are short. */
  salt: Buffer
  /** Opens the HTTP API. */
  token: string
}

interface Secret extends KubernetesObject {
  data?: Record<string, string>
}

/** Reads it, and makes it where there is none: another controller may be faster. @throws ApiProblem */
export async function ownSecret(
  client: Pick<KubernetesClient, 'get' | 'create'>,
  { name, namespace, signal }: { name: string; namespace: string; signal: AbortSignal },
): Promise<OwnSecret> {
  const found = await client.get<Secret>(resources.Secret, { name, namespace, signal })
  const secret = found ?? (await make(client, { name, namespace, signal }))
  const { salt = '', token = '' } = secret.data ?? {}
  return { salt: Buffer.from(salt, 'base64'), token: Buffer.from(token, 'base64').toString() }
}

async function make(
  client: Pick<KubernetesClient, 'get' | 'create'>,
  { name, namespace, signal }: { name: string; namespace: string; signal: AbortSignal },
): Promise<Secret> {
  const token = randomBytes(32).toString('base64url')
  const secret: Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace, labels: { 'app.kubernetes.io/name': 'dyninka' } },
    data: { salt: randomBytes(32).toString('base64'), token: Buffer.from(token).toString('base64') },
  }
  try {
    return await client.create(resources.Secret, secret, { signal })
  } catch (error) {
    if (!isConflict(error)) throw error
    return (await client.get<Secret>(resources.Secret, { name, namespace, signal })) ?? secret
  }
}
