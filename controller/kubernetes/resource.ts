/** One kind of object, as the API's paths name it. */
export interface Resource {
  /** `v1`, `apps/v1`, … */
  apiVersion: string
  kind: string
  plural: string
  /** Whether its objects live in a namespace; they do where nothing is said. */
  namespaced?: false
}

export interface ObjectMeta {
  name: string
  namespace?: string
  uid?: string
  resourceVersion?: string
  generation?: number
  creationTimestamp?: string
  deletionTimestamp?: string
  deletionGracePeriodSeconds?: number
  labels?: Record<string, string>
  annotations?: Record<string, string>
  finalizers?: string[]
  ownerReferences?: OwnerReference[]
}

export interface OwnerReference {
  apiVersion: string
  kind: string
  name: string
  uid: string
  controller?: boolean
  blockOwnerDeletion?: boolean
}

/** Any object of the API, as JSON has it: times are strings. */
export interface KubernetesObject {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
}

const core = (kind: string, plural: string) => ({ apiVersion: 'v1', kind, plural })
const apps = (kind: string, plural: string) => ({ apiVersion: 'apps/v1', kind, plural })

/** The kinds that the controller works with. */
export const resources = {
  ConfigMap: core('ConfigMap', 'configmaps'),
  Event: { apiVersion: 'events.k8s.io/v1', kind: 'Event', plural: 'events' },
  Namespace: { ...core('Namespace', 'namespaces'), namespaced: false },
  Node: { ...core('Node', 'nodes'), namespaced: false },
  Pod: core('Pod', 'pods'),
  PersistentVolumeClaim: core('PersistentVolumeClaim', 'persistentvolumeclaims'),
  Secret: core('Secret', 'secrets'),
  Service: core('Service', 'services'),
  ServiceAccount: core('ServiceAccount', 'serviceaccounts'),
  Deployment: apps('Deployment', 'deployments'),
  StatefulSet: apps('StatefulSet', 'statefulsets'),
  ReplicaSet: apps('ReplicaSet', 'replicasets'),
  HorizontalPodAutoscaler: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    plural: 'horizontalpodautoscalers',
  },
  Lease: { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', plural: 'leases' },
  NetworkPolicy: { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', plural: 'networkpolicies' },
  PodDisruptionBudget: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    plural: 'poddisruptionbudgets',
  },
  Dataflow: { apiVersion: 'dyninka.dev/v1', kind: 'Dataflow', plural: 'dataflows' },
} satisfies Record<string, Resource>

/** Path of a collection, or of one object of it. @param namespace all namespaces when absent */
export function pathOf(
  { apiVersion, plural, namespaced }: Resource,
  { namespace, name, subresource }: { namespace?: string; name?: string; subresource?: string } = {},
): string {
  const parts = [apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`]
  if (namespaced !== false && namespace !== undefined) parts.push('namespaces', encodeURIComponent(namespace))
  parts.push(plural)
  if (name !== undefined) parts.push(encodeURIComponent(name))
  if (subresource !== undefined) parts.push(subresource)
  return parts.join('/')
}

/** How people and `kubectl` name it: `deployments/average`. */
export const showObject = ({ plural }: Resource, name: string, namespace?: string) =>
  `${plural}/${name}${namespace === undefined ? '' : ` in ${namespace}`}`
