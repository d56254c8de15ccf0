import { setTimeout as sleep } from 'node:timers/promises'
import type { KubernetesClient } from '../../controller/kubernetes/client.ts'
import type { KubernetesObject } from '../../controller/kubernetes/resource.ts'
import { Problem } from '../../schema/problem.ts'

interface Definition extends KubernetesObject {
  status?: { conditions?: { type: string; status: string; message?: string }[] }
}

const definitions = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  plural: 'customresourcedefinitions',
}
const maxMs = 30_000

/** Waits until the API server takes objects of a definition: whoever applies one right after must not be too early.
 *  @throws Problem when it does not in time */
export async function established(client: Pick<KubernetesClient, 'get'>, name: string): Promise<void> {
  for (const end = performance.now() + maxMs; ; await sleep(100)) {
    const found = await client.get<Definition>(definitions, { name })
    const conditions = found?.status?.conditions ?? []
    if (conditions.some(({ type, status }) => type === 'Established' && status === 'True')) return
    if (performance.now() < end) continue
    const wrong = conditions.find(({ status }) => status === 'False')
    throw new Problem(
      'DefinitionRefused',
      `the API server does not take the definition ${name}${wrong?.message ? `: ${wrong.message}` : ''}`,
      { hint: `See \`kubectl describe crd ${name}\`; another definition may have its names.` },
    )
  }
}
