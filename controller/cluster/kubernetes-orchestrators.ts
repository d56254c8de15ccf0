import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { ClusterView } from '../orchestrator/kubernetes/cluster-view.ts'
import { KubernetesOrchestrator } from '../orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { OpenOrchestrator } from './follower.ts'

export interface PodOptions {
  /** What pods run when no image is made for each function: Node, and nothing else that matters. */
  image: string
  /** The image holds the host bundle already. */
  imageHasHost?: boolean
  imagePullSecrets?: string[]
  /** After a node stops answering, until its pods run elsewhere. */
  tolerationSeconds?: number
  /** Whether pods may reach the broker and what their dataflow declares only; true when absent. */
  networkPolicy?: boolean
}

/** Runs Dataflows as pods in their own namespaces. What is watched of a namespace is watched once for all of them. */
export function kubernetesOrchestrators(pods: PodOptions): OpenOrchestrator {
  const views = new Views()
  return async ({ client, resource, brokerUrl, store, signal, log }) => {
    const { spec, metadata } = resource
    if (spec.registry) {
      throw new Problem('RegistryNotSupported', 'this controller makes no images', {
        disposition: 'stalled',
        hint: 'Take spec.registry out: code is delivered in ConfigMaps.',
      })
    }
    const namespace = metadata.namespace!
    const view = views.take(client, namespace, log)
    const release = () => views.release(namespace)
    const { broker, secretRef } = spec
    const opening = KubernetesOrchestrator.open(
      {
        ...pods,
        client,
        namespace,
        dataflow: metadata.name,
        broker: {
          url: brokerUrl,
          secretOf: () => broker.secretRef && { name: broker.secretRef.name, key: 'url' },
        },
        ...(secretRef && { secretOf: () => secretRef.name }),
        store,
        log,
      },
      { view, signal },
    )
    const orchestrator = await opening.catch(async (error: unknown) => {
      await release()
      throw error
    })
    const close = orchestrator.close.bind(orchestrator)
    orchestrator.close = () => close().then(release)
    return orchestrator
  }
}

/** By namespace: what is watched, for as long as somebody needs it. */
class Views {
  #views = new Map<string, { view: ClusterView; users: number }>()

  take(client: KubernetesClient, namespace: string, log: Logger): ClusterView {
    const known = this.#views.get(namespace) ?? {
      view: new ClusterView(client, {
        namespace,
        onError: err => log.warn({ err, namespace }, 'lost sight of a namespace'),
      }),
      users: 0,
    }
    known.users += 1
    this.#views.set(namespace, known)
    return known.view
  }

  async release(namespace: string): Promise<void> {
    const known = this.#views.get(namespace)
    if (!known || --known.users > 0) return
    this.#views.delete(namespace)
    await known.view.close()
  }
}
