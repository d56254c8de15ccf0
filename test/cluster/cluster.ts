import type { ApiServer, ApiServerOptions } from './api-server.ts'
import { type ClusterBroker, startBroker } from './broker.ts'
import { startControlPlane } from './control-plane.ts'
import { busyboxArchive, busyboxImage, runtimeArchive } from './images.ts'
import { Ledger, sweep } from './ledger.ts'
import { type MetricsServer, startMetricsServer } from './metrics-server.ts'
import { startNames } from './names.ts'
import { makeNetwork } from './network.ts'
import { type ClusterNode, startNode } from './node.ts'
import { progress } from './progress.ts'
import { startRegistry } from './registry.ts'
import { tool } from './tools.ts'

export interface ClusterOptions extends Omit<ApiServerOptions, 'controllers' | 'scheduler'> {
  /** How many; by default 2. They are called `node-1`, …, in `zone-1`, … */
  nodes?: number
  /** Of each node; by default one of its own. */
  zones?: string[]
  /** Labels of each node. */
  labels?: Record<string, string>[]
  /** Without: no image with Node on the nodes, for suites that run no function. */
  runtime?: boolean
  /** Also metrics-server, which has something to tell once it has asked the kubelets twice. */
  metrics?: boolean
  /** More lines of `mosquitto.conf`. */
  mosquitto?: string
}

export interface Cluster extends ApiServer {
  readonly nodes: ClusterNode[]
  /** `host:port` of a registry without TLS, for this process and for the nodes. */
  readonly registry: string
  readonly broker: ClusterBroker
  /** Where it was asked for. */
  readonly metrics?: MetricsServer
  /** This machine, as nodes and pods see it. */
  readonly address: string
}

/** A control plane, nodes, a registry and a broker. Needs root. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const count = options.nodes ?? 2
  await sweep()
  for (const name of [
    'kube-apiserver',
    'kube-controller-manager',
    'kube-scheduler',
    'kubelet',
    'kube-proxy',
  ] as const)
    await tool(name)
  const done = progress(`starting a cluster of ${count} nodes`)
  const ledger = new Ledger()
  try {
    const network = await makeNetwork(ledger)
    const { address, services } = network
    const archives = Promise.all([
      busyboxArchive(ledger.folderFor('images')),
      ...(options.runtime === false ? [] : [runtimeArchive(ledger.folder)]),
    ])
    archives.catch(() => {}) // told where the nodes need them
    const plane = await startControlPlane(ledger, {
      ...options,
      address,
      services,
      controllers: true,
      scheduler: true,
      controllerArgs: [
        ...['--node-monitor-period', '1s', '--node-monitor-grace-period', '10s'],
        ...(options.controllerArgs ?? []),
      ],
    })
    const registry = await startRegistry(ledger, address)
    const broker = await startBroker(ledger, address, options.mosquitto)
    await plane.api.apply(...accounts)
    await startNames(ledger, address, addressOf(plane.api))
    const numbers = Array.from({ length: count }, (_, i) => i + 1)
    const nodes: ClusterNode[] = []
    const starts = await Promise.allSettled(
      numbers.map(async (number, i) => {
        const node = await startNode({
          ...{ ledger, network, number, authority: plane.authority, api: plane.api },
          name: `node-${number}`,
          others: numbers.filter(other => other !== number),
          zone: options.zones?.[i] ?? `zone-${number}`,
          labels: options.labels?.[i] ?? {},
          settings: { registry: registry.host, pauseImage: busyboxImage, dns: address },
        })
        nodes[i] = node
        for (const file of await archives) await node.importImages(file)
      }),
    )
    for (const start of starts) if (start.status === 'rejected') throw start.reason
    await Promise.all(nodes.map(node => node.ready()))
    const metrics = options.metrics ? await startMetricsServer(ledger, plane, address) : undefined
    const cluster = { ...plane.api, nodes, ...(metrics && { metrics }) }
    return { ...cluster, registry: registry.host, broker, address, stop: () => ledger.close() }
  } catch (error) {
    await ledger.close()
    throw error
  } finally {
    done()
  }
}

/** Finds the addresses of Services, of which those without one are none. */
const addressOf =
  ({ kubectl }: Pick<ApiServer, 'kubectl'>) =>
  async (service: string, namespace: string) => {
    const path = ['-o', 'jsonpath={.spec.clusterIP}', '--ignore-not-found']
    const address = await kubectl('-n', namespace, 'get', 'service', service, ...path)
    return address === '' || address === 'None' ? undefined : address
  }

/** What the proxies of the nodes may read. */
const accounts = [
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'test:kube-proxy' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'system:kube-proxy' }],
  },
]
