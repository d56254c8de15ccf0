import { artifactPath } from '../../../builder/store.ts'
import { type KubernetesObject, type Resource, resources } from '../../kubernetes/resource.ts'
import type {
  DeclaredNetwork,
  DeclaredNode,
  HostChange,
  HostSpec,
  LogLine,
  LogOptions,
  NodeState,
  NodeUse,
  ObservedHost,
  Orchestrator,
  Workload,
} from '../orchestrator.ts'
import { unheededOf } from './affinity.ts'
import { Applier } from './applier.ts'
import { declaredNodes, lostNodes, nodeStates } from './cluster-nodes.ts'
import { ClusterView, labelOf } from './cluster-view.ts'
import { followPods } from './follow-pods.ts'
import { freeName } from './free-name.ts'
import { Mending } from './mending.ts'
import { NodeUsage } from './node-usage.ts'
import type { Deployment, Pod } from './objects.ts'
import { observeHosts } from './observe-hosts.ts'
import type { KubernetesOptions } from './options.ts'
import { objectsOf, orphans, unusedCode } from './pruning.ts'
import { readRecord, recordOf, sameRecord, type WorkloadRecord } from './record.ts'
import { Turns } from './turns.ts'
import { workingOf } from './working.ts'

/** Hosts as pods of a cluster: a Deployment for each node of the graph, which the cluster itself keeps running. */
export class KubernetesOrchestrator implements Orchestrator {
  readonly schedules = true
  #options: KubernetesOptions
  #view: ClusterView
  #ownsView: boolean
  #usage: NodeUsage
  #applier: Applier
  #mending: Mending
  /** A look at what drifted must not write what a change has just replaced. */
  #turns = new Turns()
  #unwatch: () => void
  #listener: (flow: string) => void = () => {}
  /** By `flow/node`, of this dataflow. */
  #deployments = new Map<string, Deployment>()
  /** By `flow/node`: the newest generation that was told to stop. */
  #stopped = new Map<string, number>()
  /** By digest: folders that were given with workloads. */
  #folders = new Map<string, string>()

  private constructor(options: KubernetesOptions, view: ClusterView, ownsView: boolean) {
    this.#options = options
    this.#view = view
    this.#ownsView = ownsView
    this.#usage = NodeUsage.of(options.client)
    this.#applier = new Applier(
      options,
      view,
      digest => this.#folders.get(digest) ?? artifactPath(options.store, digest),
    )
    this.#mending = new Mending(key => this.#mend(key), {
      changed: key => this.#listener(key.slice(0, key.indexOf('/'))),
      log: options.log,
    })
    this.#unwatch = view.watch((resource, object, isGone) => this.#notice(resource, object, isGone))
  }

  /** Knows all that is there once it resolves. @param view shared with others of the same namespace, which then outlives
   *  this one @throws Problem when `signal` ends it */
  static async open(
    options: KubernetesOptions,
    { view, signal }: { view?: ClusterView; signal?: AbortSignal } = {},
  ): Promise<KubernetesOrchestrator> {
    const { client, namespace, silentMs, log } = options
    const own =
      view ??
      new ClusterView(client, {
        namespace,
        ...(silentMs !== undefined && { silentMs }),
        onError: problem => log.warn({ err: problem }, 'lost sight of the cluster'),
      })
    const orchestrator = new KubernetesOrchestrator(options, own, view === undefined)
    const ended = Promise.withResolvers<never>()
    const end = () => ended.reject(signal!.reason)
    signal?.addEventListener('abort', end, { once: true })
    try {
      signal?.throwIfAborted()
      await Promise.race([own.synced, ended.promise])
    } catch (error) {
      await orchestrator.close()
      throw error
    } finally {
      signal?.removeEventListener('abort', end)
    }
    for (const deployment of own.deployments.list()) orchestrator.#know(deployment, false)
    for (const key of orchestrator.#deployments.keys()) orchestrator.#mending.enqueue(key)
    return orchestrator
  }

  async nodes(): Promise<DeclaredNode[]> {
    return declaredNodes(this.#view.nodes.list(), this.#options)
  }

  async nodeStates(): Promise<NodeState[]> {
    return nodeStates(this.#view.nodes.list(), this.#options, await this.#usage.read())
  }

  /** Nothing is declared of links, but where its own broker runs is known of one that is managed. */
  get network(): DeclaredNetwork {
    const brokerZone = this.#options.broker.zone?.()
    return { links: [], ...(brokerZone !== undefined && { brokerZone }) }
  }

  async nodeUse(): Promise<ReadonlyMap<string, NodeUse>> {
    return (await this.#usage.read()).byNode
  }

  unheeded({ placement }: Pick<Workload, 'placement'>): string[] {
    return unheededOf(placement)
  }

  async flows(): Promise<string[]> {
    const all = [...this.#deployments.values(), ...this.#pods()]
    return [...new Set(all.flatMap(object => labelOf(object, 'flow') ?? []))]
  }

  async observe(flow: string): Promise<ObservedHost[]> {
    const isOf = (object: KubernetesObject) => labelOf(object, 'flow') === flow
    const deployments = [...this.#deployments.values()].filter(isOf)
    const nodes = new Set(deployments.map(object => labelOf(object, 'function')!))
    const lost = lostNodes(this.#view.nodes.list())
    const pods = Map.groupBy(this.#pods().filter(isOf), pod => labelOf(pod, 'function')!)
    return [...new Set([...nodes, ...pods.keys()])].flatMap(node => {
      const deployment = this.#deployments.get(`${flow}/${node}`)
      const hosts = observeHosts(
        flow,
        node,
        {
          ...(deployment && { deployment }),
          pods: pods.get(node) ?? [],
          isAutoscaled: deployment !== undefined && this.#view.isAutoscaled(deployment.metadata.name),
          stoppedUpTo: this.#stopped.get(`${flow}/${node}`) ?? 0,
          lostNodes: lost,
        },
        Date.now(),
      )
      const trouble = this.#mending.troubleOf(`${flow}/${node}`)
      return trouble === undefined ? hosts : hosts.map(host => ({ obstacle: trouble, ...host }))
    })
  }

  onChange(listener: (flow: string) => void): void {
    this.#listener = listener
  }

  async apply(change: HostChange, signal?: AbortSignal): Promise<void> {
    const { flow, node } = change.action === 'start' ? change.spec.workload : change
    await this.#turns.take(`${flow}/${node}`, () => {
      if (change.action === 'start') return this.#start(change.spec, signal)
      if (change.action === 'stop') return this.#stop(change, signal)
      return this.#restart(change, signal)
    })
  }

  logs(flow: string, node: string | undefined, options: LogOptions): AsyncIterable<LogLine> {
    const pods = () =>
      this.#pods()
        .filter(pod => labelOf(pod, 'flow') === flow)
        .map(pod => ({ name: pod.metadata.name, node: labelOf(pod, 'function')! }))
        .filter(pod => node === undefined || pod.node === node)
    const changed = (signal: AbortSignal) => this.#view.nextPod(signal)
    const { client, namespace } = this.#options
    return followPods({ client, namespace, pods, changed }, options)
  }

  async prune(isLeaving = false): Promise<void> {
    for (const manifest of orphans(this.#view, this.#options.dataflow)) await this.#applier.remove(manifest)
    for (const object of unusedCode(this.#view, isLeaving ? Infinity : Date.now()))
      await this.#applier.remove({ resource: resources.ConfigMap, object })
  }

  async close(): Promise<void> {
    this.#unwatch()
    this.#mending.close()
    if (this.#ownsView) await this.#view.close()
  }

  async #start({ workload, generation, replica }: HostSpec, signal?: AbortSignal): Promise<void> {
    const { flow, node, artifact, runtime, code, host } = workload
    if (code !== undefined) this.#folders.set(artifact, code)
    this.#folders.set(runtime, host)
    const known = this.#recordOf(flow, node)
    if (known && known.generation > generation) return // of a plan that was made before
    const isKnown = known?.generation === generation && known.workload.fingerprint === workload.fingerprint
    const image = isKnown
      ? known.image // its code may be on no disk any more
      : await this.#options.imageOf?.(workload, signal ?? new AbortController().signal)
    const name = known?.name ?? freeName(this.#view, this.#options, flow, node)
    const { broker } = this.#options
    const record = recordOf(name, workload, { generation, broker, image })
    record.replicas = Math.max(workload.replicas, replica + 1)
    const before = known && (known.generation < generation ? workingOf(known, this.#pods()) : known.before)
    if (before) record.before = before
    if (known && sameRecord(known, record)) return
    await this.#applier.apply(record, signal)
  }

  async #stop(
    { flow, node, generation, replica, keep }: HostChange & { action: 'stop' },
    signal?: AbortSignal,
  ): Promise<void> {
    const record = this.#recordOf(flow, node)
    if (!record) return this.#removeAll(flow, node, signal)
    if (generation > record.generation) return // it is on its way out
    if (keep !== undefined) {
      // The same template as before: the cluster keeps the pods that have it, and ends the others.
      if (record.before?.generation === keep) await this.#applier.apply(record.before, signal)
      return
    }
    if (generation < record.generation) {
      // Its pods go as those of the newer one get ready: the Deployment sees to it.
      const key = `${flow}/${node}`
      this.#stopped.set(key, Math.max(generation, this.#stopped.get(key) ?? 0))
      return
    }
    if (replica === 0) return this.#removeAll(flow, node, signal)
    if (replica < record.replicas) await this.#applier.apply({ ...record, replicas: replica }, signal)
  }

  /** Its owner makes another pod. */
  async #restart(
    { flow, node, generation, replica }: HostChange & { action: 'restart' },
    signal?: AbortSignal,
  ): Promise<void> {
    const host = (await this.observe(flow)).find(
      host => host.node === node && host.generation === generation && host.replica === replica,
    )
    const pod = host && this.#view.pods.get(host.id, this.#options.namespace)
    if (!pod) return
    const { name, namespace, uid } = pod.metadata
    await this.#options.client.delete(resources.Pod, {
      name,
      graceSeconds: 1,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(signal && { signal }),
    })
  }

  async #removeAll(flow: string, node: string, signal?: AbortSignal): Promise<void> {
    this.#mending.forget(`${flow}/${node}`)
    this.#stopped.delete(`${flow}/${node}`)
    for (const manifest of objectsOf(this.#view, this.#options.dataflow, flow, node))
      await this.#applier.remove(manifest, signal)
  }

  #mend(key: string): Promise<string[]> {
    const [flow, node] = key.split('/') as [string, string]
    return this.#turns.take(key, async () => {
      await this.#view.synced // or what isn't known yet would be written again
      const record = this.#recordOf(flow, node)
      return record ? this.#applier.apply(record) : []
    })
  }

  #notice(resource: Resource, object: KubernetesObject, isGone: boolean): void {
    if (resource === resources.ConfigMap && isGone) {
      // Of whoever needs it.
      for (const key of this.#deployments.keys()) this.#mending.enqueue(key)
      return
    }
    if (labelOf(object, 'dataflow') !== this.#options.dataflow) return
    const flow = labelOf(object, 'flow')
    if (flow === undefined) return
    const node = labelOf(object, 'function')
    if (resource === resources.Deployment) this.#know(object as Deployment, isGone)
    if (resource !== resources.Pod) {
      if (node !== undefined) this.#mending.enqueue(`${flow}/${node}`)
      else {
        const first = [...this.#deployments.keys()].find(key => key.startsWith(`${flow}/`))
        if (first !== undefined) this.#mending.enqueue(first)
      }
    }
    if (resource === resources.Pod || resource === resources.Deployment) this.#listener(flow)
  }

  #recordOf(flow: string, node: string): WorkloadRecord | undefined {
    const deployment = this.#deployments.get(`${flow}/${node}`)
    return deployment && readRecord(deployment)
  }

  #know(deployment: Deployment, isGone: boolean): void {
    if (labelOf(deployment, 'dataflow') !== this.#options.dataflow) return
    if (isGone) this.#deployments.delete(keyOf(deployment))
    else this.#deployments.set(keyOf(deployment), deployment)
  }

  #pods(): Pod[] {
    return this.#view.pods.list().filter(object => labelOf(object, 'dataflow') === this.#options.dataflow)
  }
}

const keyOf = (object: KubernetesObject) => `${labelOf(object, 'flow')}/${labelOf(object, 'function')}`
