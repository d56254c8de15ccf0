import type { KubernetesClient } from '../../kubernetes/client.ts'
import type { Informer } from '../../kubernetes/informer.ts'
import { type KubernetesObject, type Resource, resources } from '../../kubernetes/resource.ts'
import { labels, managedBySelector } from './names.ts'
import type {
  Autoscaler,
  ClusterNode,
  ClusterResources,
  Deployment,
  Pod,
  StatusCondition,
} from './objects.ts'

export interface ClusterViewOptions {
  namespace: string
  silentMs?: number
  /** A kind can't be listed or watched: it may be a matter of permissions, or pass. */
  onError(problem: Error): void
}

/** Told of every object of ours that came, changed or went. */
export type Watcher = (resource: Resource, object: KubernetesObject, isGone: boolean) => void

/** All that is ours in one namespace, and what decides on it, as of a moment ago. Orchestrators share one. */
export class ClusterView {
  readonly deployments: Informer<Deployment>
  readonly pods: Informer<Pod>
  /** Without their content. */
  readonly configMaps: Informer<KubernetesObject>
  readonly nodes: Informer<ClusterNode>
  readonly autoscalers: Informer<Autoscaler>
  readonly namespace: string
  #others: Map<string, Informer<KubernetesObject>>
  #watchers = new Set<Watcher>()

  constructor(client: KubernetesClient, { namespace, silentMs, onError }: ClusterViewOptions) {
    this.namespace = namespace
    const shared = { onError, ...(silentMs !== undefined && { silentMs }) }
    const watch = <T extends KubernetesObject>(
      resource: Resource,
      options: { labelSelector?: string; trim?(object: T): T; metadataOnly?: true } = {},
    ) =>
      client.watch<T>(resource, {
        ...shared,
        ...options,
        ...(resource.namespaced !== false && { namespace }),
        onChange: (now, before) => {
          for (const watcher of this.#watchers) watcher(resource, (now ?? before)!, now === undefined)
        },
      })
    const ours = { labelSelector: managedBySelector }
    this.deployments = watch<Deployment>(resources.Deployment, ours)
    this.pods = watch<Pod>(resources.Pod, { ...ours, trim: trimPod })
    this.configMaps = watch(resources.ConfigMap, { ...ours, metadataOnly: true })
    this.nodes = watch<ClusterNode>(resources.Node, { trim: trimNode })
    this.autoscalers = watch<Autoscaler>(resources.HorizontalPodAutoscaler)
    const rest = [
      resources.ServiceAccount,
      resources.Service,
      resources.NetworkPolicy,
      resources.PodDisruptionBudget,
    ]
    this.#others = new Map(rest.map(resource => [resource.kind, watch(resource, ours)]))
  }

  /** Once all that is ours is known. What decides on it may be forbidden to see: nodes and autoscalers aren't waited for. */
  get synced(): Promise<unknown> {
    const needed = [this.deployments, this.pods, this.configMaps, ...this.#others.values()]
    return Promise.all(needed.map(informer => informer.synced))
  }

  /** The informer of a kind of ours. */
  of({ kind }: Resource): Informer<KubernetesObject> {
    if (kind === 'Deployment') return this.deployments as unknown as Informer<KubernetesObject>
    if (kind === 'ConfigMap') return this.configMaps
    return this.#others.get(kind)!
  }

  /** All of ours but pods and code. */
  objects(): { resource: Resource; object: KubernetesObject }[] {
    return [resources.Deployment, ...this.#otherResources()].flatMap(resource =>
      this.of(resource)
        .list()
        .map(object => ({ resource, object })),
    )
  }

  isAutoscaled(deployment: string): boolean {
    return this.autoscalers
      .list()
      .some(
        ({ spec: { scaleTargetRef: target } }) => target.kind === 'Deployment' && target.name === deployment,
      )
  }

  /** @returns how to stop it */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher)
    return () => this.#watchers.delete(watcher)
  }

  /** Resolves with the next change of a pod of ours, or when `signal` ends it. */
  nextPod(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      const end = () => {
        unwatch()
        signal.removeEventListener('abort', end)
        resolve()
      }
      const unwatch = this.watch(resource => resource === resources.Pod && end())
      signal.addEventListener('abort', end, { once: true })
      if (signal.aborted) end()
    })
  }

  async close(): Promise<void> {
    const all = [this.deployments, this.pods, this.configMaps, this.nodes, this.autoscalers]
    await Promise.all([...all, ...this.#others.values()].map(informer => informer.close()))
  }

  #otherResources(): Resource[] {
    const { ServiceAccount, Service, NetworkPolicy, PodDisruptionBudget } = resources
    return [Service, PodDisruptionBudget, NetworkPolicy, ServiceAccount]
  }
}

export const labelOf = ({ metadata }: KubernetesObject, label: keyof typeof labels) =>
  metadata.labels?.[labels[label]]

function trimPod({ apiVersion, kind, metadata, spec, status }: Pod): Pod {
  const { phase, reason, message, conditions, containerStatuses } = status ?? {}
  return {
    apiVersion,
    kind,
    metadata,
    spec: { ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }) },
    status: {
      ...(phase && { phase }),
      ...(reason && { reason }),
      ...(message && { message }),
      ...(conditions && { conditions: conditions.filter(({ type }) => type === 'PodScheduled') }),
      ...(containerStatuses && { containerStatuses }),
    },
  }
}

/** A kubelet reports every few seconds; most of that is none of ours. */
function trimNode({ apiVersion, kind, metadata, spec, status }: ClusterNode): ClusterNode {
  const { name, labels = {}, resourceVersion, uid } = metadata
  return {
    apiVersion,
    kind,
    metadata: { name, labels, ...(resourceVersion && { resourceVersion }), ...(uid && { uid }) },
    spec: {
      ...(spec?.unschedulable && { unschedulable: true }),
      ...(spec?.taints && { taints: spec.taints.map(({ key, effect }) => ({ key, effect })) }),
    },
    status: {
      ...(status?.capacity && { capacity: trimResources(status.capacity) }),
      ...(status?.allocatable && { allocatable: trimResources(status.allocatable) }),
      ...(status?.conditions && { conditions: status.conditions.map(trimCondition) }),
    },
  }
}

const trimResources = ({ cpu, memory }: ClusterResources): ClusterResources => ({
  ...(cpu !== undefined && { cpu }),
  ...(memory !== undefined && { memory }),
})
const trimCondition = ({ type, status }: StatusCondition): StatusCondition => ({ type, status })
