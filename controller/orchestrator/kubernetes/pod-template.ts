import { createHash } from 'node:crypto'
import { hostFlags } from '../../../builder/host-flags.ts'
import { restrictedContainer, restrictedPod } from '../../kubernetes/restricted.ts'
import { affinityOf } from './affinity.ts'
import {
  annotations,
  configMapName,
  container,
  digestLabel,
  flowName,
  labels,
  managedBy,
  readyPort,
} from './names.ts'
import type { KubernetesOptions } from './options.ts'
import type { WorkloadRecord } from './record.ts'

/** Longer than a host takes to finish what is under way. */
const graceSeconds = 10
const defaultTolerationSeconds = 10
const scratch = '64Mi'
const user = 65_532

const hostFolder = '/dyninka/host'
const codeFolder = '/dyninka/function'

/** The pod of one generation: nobody's rights, nothing to write but its /tmp. */
export function podTemplate(record: WorkloadRecord, options: KubernetesOptions) {
  const { workload, generation, image } = record
  const hostIsMounted = image === undefined && !options.imageHasHost
  const codeIsMounted = image === undefined && workload.kind === 'function'
  const volumes = [
    { name: 'tmp', emptyDir: { sizeLimit: scratch } },
    ...(hostIsMounted ? [{ name: 'host', configMap: { name: configMapName(workload.runtime) } }] : []),
    ...(codeIsMounted ? [{ name: 'function', configMap: { name: configMapName(workload.artifact) } }] : []),
  ]
  const mounts = [
    { name: 'tmp', mountPath: '/tmp' },
    ...(hostIsMounted ? [{ name: 'host', mountPath: hostFolder, readOnly: true }] : []),
    ...(codeIsMounted ? [{ name: 'function', mountPath: codeFolder, readOnly: true }] : []),
  ]
  const affinity = affinityOf(workload.flow, workload.placement, options.zoneKey)
  const template = {
    metadata: {
      labels: {
        ...managedBy,
        [labels.dataflow]: options.dataflow,
        [labels.flow]: workload.flow,
        [labels.function]: workload.node,
        [labels.generation]: String(generation),
        [labels.artifact]: digestLabel(workload.artifact),
      },
      annotations: {
        [annotations.fingerprint]: workload.fingerprint,
        [annotations.artifact]: workload.artifact,
        [annotations.runtime]: workload.runtime,
      } as Record<string, string>,
    },
    spec: {
      serviceAccountName: flowName(options.dataflow, workload.flow),
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: graceSeconds,
      securityContext: restrictedPod(user),
      ...(options.imagePullSecrets?.length && {
        imagePullSecrets: options.imagePullSecrets.map(name => ({ name })),
      }),
      ...(options.nodeSelector && { nodeSelector: options.nodeSelector }),
      ...(affinity && { affinity }),
      tolerations: ['not-ready', 'unreachable'].map(trouble => ({
        key: `node.kubernetes.io/${trouble}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: options.tolerationSeconds ?? defaultTolerationSeconds,
      })),
      containers: [
        {
          name: container,
          image: image ?? options.image,
          command: ['node', ...hostFlags, hostIsMounted ? `${hostFolder}/host.mjs` : '/dyninka/host.mjs'],
          workingDir: '/tmp',
          env: environment(record, options),
          ports: [{ name: 'ready', containerPort: readyPort, protocol: 'TCP' }],
          // Whoever takes over by session is ready: only then do the pods before it go.
          readinessProbe: { tcpSocket: { port: 'ready' }, periodSeconds: 1, failureThreshold: 3 },
          resources: resources(workload.resources),
          securityContext: restrictedContainer,
          terminationMessagePolicy: 'FallbackToLogsOnError',
          volumeMounts: mounts,
        },
      ],
      volumes,
    },
  }
  template.metadata.annotations[annotations.template] = digestOf(template)
  return template
}

function environment({ workload, generation, broker, zones }: WorkloadRecord, options: KubernetesOptions) {
  const { flow, node, env, secrets } = workload
  const secretName = options.secretOf?.(flow) ?? `${flow}-secrets`
  const fieldOf = (fieldPath: string) => ({ valueFrom: { fieldRef: { fieldPath } } })
  const keyOf = ({ name, key }: { name: string; key: string }) => ({
    valueFrom: { secretKeyRef: { name, key } },
  })
  return [
    ...Object.entries(env).map(([name, value]) => ({ name, value })),
    ...secrets.map(name => ({ name, ...keyOf({ name: secretName, key: name }) })),
    { name: 'DYNINKA_FLOW', value: flow },
    { name: 'DYNINKA_FUNCTION', value: node },
    { name: 'DYNINKA_GENERATION', value: String(generation) },
    { name: 'DYNINKA_ARTIFACT', value: workload.artifact },
    { name: 'DYNINKA_ENV', value: [...Object.keys(env), ...secrets].join(',') },
    ...(workload.kind === 'function' ? [{ name: 'DYNINKA_CODE', value: `${codeFolder}/function.mjs` }] : []),
    { name: 'DYNINKA_READY_PORT', value: String(readyPort) },
    { name: 'DYNINKA_LISTEN', value: '*' },
    { name: 'DYNINKA_HOST', ...fieldOf('metadata.name') },
    { name: 'DYNINKA_NODE', ...fieldOf('spec.nodeName') },
    {
      name: 'DYNINKA_BROKER',
      ...(broker.secret ? keyOf(broker.secret) : { value: broker.url }),
    },
    ...(zones ? [{ name: 'DYNINKA_ZONE_BROKERS', ...keyOf(zones.secret) }] : []),
  ]
}

/** Memory is a limit, too; processor time isn't: a function that waits for its next slice is late for nothing. Where nothing is
 *  said, the scheduler counts with what a host takes. */
function resources({ cpuMillis, memoryBytes }: { cpuMillis?: number; memoryBytes?: number }) {
  return {
    requests: {
      cpu: `${cpuMillis ?? 10}m`,
      memory: memoryBytes === undefined ? '64Mi' : String(memoryBytes),
    },
    ...(memoryBytes !== undefined && { limits: { memory: String(memoryBytes) } }),
  }
}

const digestOf = (template: object) =>
  createHash('sha256').update(JSON.stringify(template)).digest('hex').slice(0, 16)
