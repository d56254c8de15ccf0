import { isIP } from 'node:net'
import type { KubernetesObject } from '../../kubernetes/resource.ts'
import { flowName, labels } from './names.ts'
import type { KubernetesOptions } from './options.ts'
import type { WorkloadRecord } from './record.ts'

const ports: Record<string, number> = {
  'mqtt:': 1883,
  'mqtts:': 8883,
  'ws:': 80,
  'wss:': 443,
  'http:': 80,
  'https:': 443,
}

/** For all pods of a flow: the broker and name resolution, and nobody comes in. Policies add up: who needs more gets
 *  another one. */
export function flowPolicy(
  { workload: { flow }, broker }: WorkloadRecord,
  options: KubernetesOptions,
  meta: object,
): KubernetesObject & object {
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: flowName(options.dataflow, flow), namespace: options.namespace, ...meta },
    spec: {
      podSelector: { matchLabels: { [labels.dataflow]: options.dataflow, [labels.flow]: flow } },
      policyTypes: ['Ingress', 'Egress'],
      egress: [
        {
          ports: [
            { port: 53, protocol: 'UDP' },
            { port: 53, protocol: 'TCP' },
          ],
        },
        egressTo(broker.url, options.namespace),
      ],
    },
  } as KubernetesObject
}

/** For what one node declares beyond that, and for the brokers of zones, of which not all nodes are told at once.
 *  @returns undefined when there is nothing */
export function nodePolicy(
  { name, workload, zones }: WorkloadRecord,
  options: KubernetesOptions,
  meta: object,
): (KubernetesObject & object) | undefined {
  const { listens, reaches: declared = [] } = workload.outside ?? {}
  const reaches = [...declared, ...Object.values(zones?.urls ?? {})]
  if (listens === undefined && reaches.length === 0) return undefined
  const isIn = listens !== undefined
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: options.namespace, ...meta },
    spec: {
      podSelector: {
        matchLabels: {
          [labels.dataflow]: options.dataflow,
          [labels.flow]: workload.flow,
          [labels.function]: workload.node,
        },
      },
      policyTypes: [...(isIn ? ['Ingress'] : []), ...(reaches.length > 0 ? ['Egress'] : [])],
      ...(isIn && { ingress: [{ ports: [{ port: listens, protocol: 'TCP' }] }] }),
      ...(reaches.length > 0 && { egress: reaches.map(url => egressTo(url, options.namespace)) }),
    },
  } as KubernetesObject
}

/** An address is narrowed to itself and a Service to its namespace; other names can't be told to a policy, so only the
 *  port is. The port of a Service may not be that of its pods, and policies see those: within the cluster any port is. */
function egressTo(url: string, namespace: string) {
  const { hostname, port, protocol } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const onPort = [{ port: Number(port) || (ports[protocol] ?? 443), protocol: 'TCP' }]
  if (isIP(host))
    return { to: [{ ipBlock: { cidr: `${host}/${isIP(host) === 4 ? 32 : 128}` } }], ports: onPort }
  const [, other, kind] = host.split('.')
  const isService =
    other === undefined || kind === 'svc' || (kind === undefined && host.split('.').length === 2)
  if (!isService) return { ports: onPort }
  const labelled = { matchLabels: { 'kubernetes.io/metadata.name': other ?? namespace } }
  return { to: [{ namespaceSelector: labelled }] }
}
