import type { Logger } from 'pino'
import { isNotFound } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { resources } from '../kubernetes/resource.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import { type DataflowResource, finalizer } from './resource.ts'

/** Asks the API to keep the resource, when it is deleted, until `letGo`. @returns as it is then */
export function holdOn(
  client: Pick<KubernetesClient, 'merge'>,
  { metadata }: DataflowResource,
  signal: AbortSignal,
): Promise<DataflowResource> {
  return patchFinalizers(client, metadata, [...(metadata.finalizers ?? []), finalizer], signal)
}

/** Lets a resource that is being deleted go. */
export async function letGo(
  client: Pick<KubernetesClient, 'merge'>,
  { metadata }: DataflowResource,
  signal: AbortSignal,
): Promise<void> {
  const rest = (metadata.finalizers ?? []).filter(name => name !== finalizer)
  await patchFinalizers(client, metadata, rest, signal).catch((error: unknown) => {
    if (!isNotFound(error)) throw error
  })
}

function patchFinalizers(
  client: Pick<KubernetesClient, 'merge'>,
  { name, namespace, resourceVersion }: DataflowResource['metadata'],
  finalizers: string[],
  signal: AbortSignal,
): Promise<DataflowResource> {
  // The version: another one may add a finalizer of its own meanwhile.
  const patch = { metadata: { resourceVersion, finalizers } }
  return client.merge(resources.Dataflow, { name, namespace: namespace!, signal }, patch)
}

/** Ends all that runs, whatever the broker keeps of it. */
export async function endAll(orchestrator: Orchestrator, signal: AbortSignal, log: Logger): Promise<void> {
  for (const flow of await orchestrator.flows()) {
    for (const { node, generation, replica } of await orchestrator.observe(flow)) {
      log.warn({ flow, node, generation }, 'ending what could not be ended in order')
      const reason = 'its Dataflow is deleted'
      await orchestrator.apply({ action: 'stop', flow, node, generation, replica, reason }, signal)
    }
  }
  await orchestrator.prune(true)
}
