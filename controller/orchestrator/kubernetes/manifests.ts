import { type KubernetesObject, type Resource, resources } from '../../kubernetes/resource.ts'
import { annotations, flowName, labels, managedBy } from './names.ts'
import { flowPolicy, nodePolicy } from './network-policy.ts'
import type { KubernetesOptions } from './options.ts'
import { podTemplate } from './pod-template.ts'
import type { WorkloadRecord } from './record.ts'

export interface Manifest {
  resource: Resource
  object: KubernetesObject
}

/** All objects of one node of the graph but those with its code, in the order in which they are needed: pods come last.
 *  @param pods how many, where somebody else decides on it */
export function manifestsOf(
  record: WorkloadRecord,
  options: KubernetesOptions,
  pods = record.replicas,
): Manifest[] {
  const { name, workload, replicas } = record
  const { flow, node } = workload
  const selector = { [labels.dataflow]: options.dataflow, [labels.flow]: flow, [labels.function]: node }
  const meta = { labels: { ...managedBy, ...selector } }
  const policy = options.networkPolicy === false ? undefined : nodePolicy(record, options, meta)
  const port = workload.outside?.listens
  const manifests: Manifest[] = [...flowManifests(record, options)]
  if (policy) manifests.push({ resource: resources.NetworkPolicy, object: policy })
  if (port !== undefined) {
    manifests.push(
      of(resources.Service, {
        metadata: { name, namespace: options.namespace, ...meta },
        spec: {
          type: 'ClusterIP',
          selector,
          ports: [{ name: 'http', port, targetPort: port, protocol: 'TCP' }],
        },
      }),
    )
  }
  if (replicas > 1) {
    manifests.push(
      of(resources.PodDisruptionBudget, {
        metadata: { name, namespace: options.namespace, ...meta },
        spec: { maxUnavailable: 1, selector: { matchLabels: selector } },
      }),
    )
  }
  manifests.push(
    of(resources.Deployment, {
      metadata: {
        name,
        namespace: options.namespace,
        ...meta,
        annotations: { [annotations.workload]: JSON.stringify(record) },
      },
      spec: {
        replicas: pods,
        selector: { matchLabels: selector },
        revisionHistoryLimit: 0,
        progressDeadlineSeconds: 120,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '100%', maxUnavailable: 0 } },
        template: podTemplate(record, options),
      },
    }),
  )
  return manifests
}

/** What all nodes of a flow share. */
function flowManifests(record: WorkloadRecord, options: KubernetesOptions): Manifest[] {
  const { flow } = record.workload
  const { dataflow, namespace, networkPolicy } = options
  const meta = { labels: { ...managedBy, [labels.dataflow]: dataflow, [labels.flow]: flow } }
  return [
    of(resources.ServiceAccount, {
      metadata: { name: flowName(dataflow, flow), namespace, ...meta },
      automountServiceAccountToken: false,
    }),
    ...(networkPolicy === false
      ? []
      : [{ resource: resources.NetworkPolicy, object: flowPolicy(record, options, meta) }]),
  ]
}

const of = (
  resource: Resource,
  content: Pick<KubernetesObject, 'metadata'> & Record<string, unknown>,
): Manifest => ({
  resource,
  object: { apiVersion: resource.apiVersion, kind: resource.kind, ...content },
})
