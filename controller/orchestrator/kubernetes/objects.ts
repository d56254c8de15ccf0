import type { KubernetesObject } from '../../kubernetes/resource.ts'

// What is read of the objects of a cluster.

export interface StatusCondition {
  type: string
  status: 'True' | 'False' | 'Unknown'
  reason?: string
  message?: string
  lastTransitionTime?: string
}

export interface Deployment extends KubernetesObject {
  spec: {
    replicas?: number
    template: { metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> } }
  }
  status?: { observedGeneration?: number; conditions?: StatusCondition[] }
}

export interface Pod extends KubernetesObject {
  spec: { nodeName?: string }
  status?: {
    phase?: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown'
    reason?: string
    message?: string
    conditions?: StatusCondition[]
    containerStatuses?: ContainerStatus[]
  }
}

export interface ContainerStatus {
  name: string
  ready: boolean
  restartCount: number
  state?: ContainerState
  lastState?: ContainerState
}

export interface ContainerState {
  waiting?: { reason?: string; message?: string }
  running?: { startedAt?: string }
  terminated?: Termination
}

export interface Termination {
  exitCode: number
  signal?: number
  reason?: string
  /** The end of its log, where it wrote nothing else. */
  message?: string
  startedAt?: string
  finishedAt?: string
}

export interface ClusterNode extends KubernetesObject {
  spec?: { unschedulable?: boolean; taints?: { key: string; effect: string }[] }
  status?: {
    capacity?: ClusterResources
    allocatable?: ClusterResources
    conditions?: StatusCondition[]
  }
}

export interface ClusterResources {
  cpu?: string
  memory?: string
}

export interface Autoscaler extends KubernetesObject {
  spec: { scaleTargetRef: { kind: string; name: string } }
}
