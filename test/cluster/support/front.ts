import { networkInterfaces } from 'node:os'
import type { KubernetesClient } from '../../../controller/kubernetes/client.ts'
import { resources } from '../../../controller/kubernetes/resource.ts'
import type { Stage } from './stage.ts'

/** Of this machine. An API server passes nothing on to a loopback address. */
export function outerAddress(): string {
  const all = Object.values(networkInterfaces()).flat()
  const outer = all.find(each => each && !each.internal && each.family === 'IPv4')
  if (!outer) throw new Error('this machine has no address but loopback ones')
  return outer.address
}

/** The Service in front of replicas that are processes of this machine, with all that a cluster makes of it. The API server
 *  passes requests on to what it takes for pods alone. */
export class Front {
  readonly namespace = 'dyninka'
  readonly service = 'dyninka'
  readonly #stage: Stage

  private constructor(stage: Stage) {
    this.#stage = stage
  }

  static async open(stage: Stage): Promise<Front> {
    const front = new Front(stage)
    const { namespace, service } = front
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default', namespace } }
    const door = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: service, namespace },
      spec: { ports: [{ name: 'http', port: 80, targetPort: 4780 }] },
    }
    await makeNamespace(stage.client, namespace)
    await stage.client.apply(resources.ServiceAccount, account)
    await stage.client.apply(resources.Service, door)
    return front
  }

  /** Leads to these alone from now on. @param urls of replicas that listen on `outerAddress()` */
  async leadTo(...urls: string[]): Promise<void> {
    const { client } = this.#stage
    const { namespace, service } = this
    const slices = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', plural: 'endpointslices' }
    for (const { metadata } of (await client.list(slices, { namespace })).items)
      await client.delete(slices, { name: metadata.name, namespace })
    for (const url of urls) {
      const { hostname, port } = new URL(url)
      const name = `controller-${port}`
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace },
        spec: { automountServiceAccountToken: false, containers: [{ name: 'controller', image: 'none' }] },
      }
      await client.apply(resources.Pod, pod)
      const status = { phase: 'Running', podIP: hostname, podIPs: [{ ip: hostname }] }
      await client.merge(resources.Pod, { name, namespace }, { status }, { subresource: 'status' })
      const slice = {
        apiVersion: slices.apiVersion,
        kind: slices.kind,
        metadata: { name, namespace, labels: { 'kubernetes.io/service-name': service } },
        addressType: 'IPv4',
        endpoints: [
          {
            addresses: [hostname],
            conditions: { ready: true },
            targetRef: { kind: 'Pod', name, namespace },
          },
        ],
        ports: [{ name: 'http', port: Number(port) }],
      }
      await client.apply(slices, slice)
    }
  }
}

export const makeNamespace = (client: KubernetesClient, name: string) =>
  client.apply(resources.Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
