import { pino } from 'pino'
import { manifestsOf } from '../../controller/orchestrator/kubernetes/manifests.ts'
import { annotations, labels } from '../../controller/orchestrator/kubernetes/names.ts'
import type { ContainerStatus, Deployment, Pod } from '../../controller/orchestrator/kubernetes/objects.ts'
import type { KubernetesOptions } from '../../controller/orchestrator/kubernetes/options.ts'
import { recordOf, type WorkloadRecord } from '../../controller/orchestrator/kubernetes/record.ts'
import type { Workload } from '../../controller/orchestrator/orchestrator.ts'

export const workload = (more: Partial<Workload> = {}): Workload => ({
  flow: 'etl',
  node: 'parse',
  kind: 'function',
  artifact: `sha256:${'a'.repeat(64)}`,
  code: '/nowhere/code',
  runtime: `sha256:${'b'.repeat(64)}`,
  host: '/nowhere/host',
  env: {},
  secrets: [],
  replicas: 1,
  placement: {},
  resources: {},
  fingerprint: 'sha256:one',
  ...more,
})

/** Enough for manifests: nothing is asked of a cluster. */
export const options = (more: Partial<KubernetesOptions> = {}): KubernetesOptions => ({
  client: undefined as unknown as KubernetesOptions['client'],
  namespace: 'flows',
  dataflow: 'etl',
  broker: { url: 'mqtt://broker.messaging.svc:1883' },
  image: 'registry.example/base@sha256:1',
  store: '/nowhere',
  log: pino({ level: 'silent' }),
  ...more,
})

export const record = (more: Partial<Workload> = {}, generation = 1): WorkloadRecord =>
  recordOf(`etl-${more.node ?? 'parse'}`, workload(more), { generation, broker: options().broker })

export function objectOf<T>(kind: string, from = record(), given = options()): T | undefined {
  return manifestsOf(from, given).findLast(({ resource }) => resource.kind === kind)?.object as T | undefined
}

export const deploymentOf = (from = record()) => objectOf<Deployment>('Deployment', from)!

/** A pod of this generation, as a cluster would show it. */
export function podOf(
  name: string,
  from = record(),
  { status, ...more }: { status?: Partial<ContainerStatus>; deleted?: boolean; node?: string } = {},
): Pod {
  const { metadata } = deploymentOf(from).spec.template
  const { deleted = false, node = 'node-1' } = more
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: metadata!.labels!,
      annotations: metadata!.annotations!,
      ...(deleted && { deletionTimestamp: '2026-01-01T01:00:00Z' }),
    },
    spec: { nodeName: node },
    status: {
      phase: 'Running',
      containerStatuses: [
        {
          name: 'host',
          ready: true,
          restartCount: 0,
          state: { running: { startedAt: '2026-01-01T00:00:01Z' } },
          ...status,
        },
      ],
    },
  }
}

export { annotations, labels }
