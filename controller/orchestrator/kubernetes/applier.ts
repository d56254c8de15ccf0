import { Problem } from '../../../schema/problem.ts'
import { isConflict } from '../../kubernetes/api-problem.ts'
import { type KubernetesObject, resources, showObject } from '../../kubernetes/resource.ts'
import type { ClusterView } from './cluster-view.ts'
import { configMapOf } from './config-map.ts'
import { drift } from './drift.ts'
import { type Manifest, manifestsOf } from './manifests.ts'
import { configMapName } from './names.ts'
import type { KubernetesOptions } from './options.ts'
import type { WorkloadRecord } from './record.ts'

/** Makes objects of the cluster be what a record says, writing only what isn't so. */
export class Applier {
  #options: KubernetesOptions
  #view: ClusterView
  /** Where the code of an artifact is. */
  #folderOf: (digest: string) => string

  constructor(options: KubernetesOptions, view: ClusterView, folderOf: (digest: string) => string) {
    this.#options = options
    this.#view = view
    this.#folderOf = folderOf
  }

  /** @returns what it wrote, as a person would name it. @throws Problem */
  async apply(record: WorkloadRecord, signal?: AbortSignal): Promise<string[]> {
    const written = await this.#applyCode(record, signal)
    for (const manifest of manifestsOf(record, this.#options, this.#podsOf(record))) {
      const { resource, object } = manifest
      const live = this.#liveOf(manifest)
      const field = live ? drift(object, live) : 'metadata'
      if (field === undefined) continue
      await this.#write(manifest, live, signal)
      written.push(`${showObject(resource, object.metadata.name)} (${field})`)
    }
    await this.#removeUnneeded(record)
    return written
  }

  /** An autoscaler's number is left as it is. Were it left out, who set it before would lose it, and one pod be left. */
  #podsOf({ name, replicas }: WorkloadRecord): number {
    if (!this.#view.isAutoscaled(name)) return replicas
    return this.#view.deployments.get(name, this.#options.namespace)?.spec.replicas ?? replicas
  }

  async #applyCode({ workload, image }: WorkloadRecord, signal?: AbortSignal): Promise<string[]> {
    if (image !== undefined) return []
    const { artifact, runtime, kind, flow, node } = workload
    const needed = [
      ...(this.#options.imageHasHost ? [] : [runtime]),
      ...(kind === 'function' ? [artifact] : []),
    ]
    const written: string[] = []
    for (const digest of needed) {
      if (this.#view.configMaps.get(configMapName(digest), this.#options.namespace)) continue
      const what = digest === artifact && kind === 'function' ? `${flow}/${node}` : 'the host'
      const object = await configMapOf(digest, this.#folderOf(digest), what, this.#options)
      await this.#write({ resource: resources.ConfigMap, object }, undefined, signal)
      written.push(showObject(resources.ConfigMap, object.metadata.name))
    }
    return written
  }

  /** What isn't there yet may be somebody else's that isn't labelled as ours: it is not taken over then. */
  async #write(
    { resource, object }: Manifest,
    live: KubernetesObject | undefined,
    signal?: AbortSignal,
  ): Promise<void> {
    try {
      const applied = await this.#options.client.apply(resource, object, {
        force: live !== undefined,
        ...(signal && { signal }),
      })
      this.#view.of(resource).take(applied)
    } catch (error) {
      if (live !== undefined || !isConflict(error)) throw error
      const { name, namespace } = object.metadata
      throw new Problem(
        'NameTaken',
        `${showObject(resource, name, namespace)} is there already, and is not dyninka's: ${(error as Error).message}`,
        {
          disposition: 'waiting',
          hint: 'Rename the function or the dataflow, or remove what has its name.',
          cause: error,
        },
      )
    }
  }

  /** What an earlier record of the same node needed, and this one doesn't. */
  async #removeUnneeded(record: WorkloadRecord): Promise<void> {
    const needed = manifestsOf(record, this.#options)
    for (const resource of [resources.Service, resources.PodDisruptionBudget, resources.NetworkPolicy]) {
      const object = this.#view.of(resource).get(record.name, this.#options.namespace)
      const isNeeded = needed.some(
        manifest => manifest.resource === resource && manifest.object.metadata.name === record.name,
      )
      if (object && !isNeeded) await this.remove({ resource, object })
    }
  }

  /** Deletes this very object, and not another one that has come to have its name. */
  async remove({ resource, object }: Manifest, signal?: AbortSignal): Promise<void> {
    const { name, namespace, uid } = object.metadata
    await this.#options.client.delete(resource, {
      name,
      ...(namespace && { namespace }),
      ...(uid && { uid }),
      ...(signal && { signal }),
    })
    this.#view.of(resource).drop(object)
  }

  #liveOf({ resource, object: { metadata } }: Manifest): KubernetesObject | undefined {
    return this.#view.of(resource).get(metadata.name, metadata.namespace)
  }
}
