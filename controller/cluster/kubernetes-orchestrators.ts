import type { Logger } from 'pino'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { ClusterView } from '../orchestrator/kubernetes/cluster-view.ts'
import { KubernetesOrchestrator } from '../orchestrator/kubernetes/kubernetes-orchestrator.ts'
import type { OpenOrchestrator } from './follower-options.ts'
import { FunctionImages } from './function-images.ts'

export interface PodOptions {
  /** Node, and nothing else that matters: what pods run, and what images of functions are made on. */
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
  return async ({ client, resource, broker, credentials, revision, store, signal, log }) => {
    const { spec, metadata } = resource
    const { registry, secretRef, placement } = spec
    const images =
      registry &&
      new FunctionImages({
        base: registry.base ?? pods.image,
        to: registry.insecure ? `http://${registry.image}` : registry.image,
        ...(credentials.dockerConfig !== undefined && { dockerConfig: credentials.dockerConfig }),
        source: { url: spec.source.url, revision },
      })
    const pullSecrets = [
      ...(pods.imagePullSecrets ?? []),
      ...(registry?.secretRef ? [registry.secretRef.name] : []),
    ]
    const namespace = metadata.namespace!
    const view = views.take(client, namespace, log)
    const release = () => views.release(namespace)
    const opening = KubernetesOrchestrator.open(
      {
        ...pods,
        client,
        namespace,
        dataflow: metadata.name,
        broker,
        ...(images && {
          imageOf: (workload, given) => images.of(workload, AbortSignal.any([given, signal])),
        }),
        ...(pullSecrets.length > 0 && { imagePullSecrets: pullSecrets }),
        ...(secretRef && { secretOf: () => secretRef.name }),
        ...(placement?.zoneKey !== undefined && { zoneKey: placement.zoneKey }),
        ...(placement?.nodeSelector && { nodeSelector: placement.nodeSelector }),
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
    orchestrator.close = () => {
      images?.close()
      return close().then(release)
    }
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
