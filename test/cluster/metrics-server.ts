import { writeKubeconfig } from './certificates.ts'
import type { ControlPlane } from './control-plane.ts'
import type { Ledger } from './ledger.ts'
import { ready, type Server, startServer } from './server.ts'
import { tool } from './tools.ts'

/** What tells of a cluster's nodes and pods what they take, by asking their kubelets. */
export interface MetricsServer {
  /** With -9: the API server goes on, and says of `metrics.k8s.io` that it is not available. */
  kill(): Promise<void>
  restart(): Promise<void>
}

const [namespace, name, user, port] = ['kube-system', 'metrics-server', 'system:metrics-server', 4443]
/** As often as it can. */
const resolution = '10s'

/** metrics-server beside the API server, which passes on to it what it is asked of `metrics.k8s.io`. It trusts what kubelets
 *  say by their certificates. @param address on which it listens */
export async function startMetricsServer(
  ledger: Ledger,
  { api, authority }: ControlPlane,
  address: string,
): Promise<MetricsServer> {
  const folder = ledger.folderFor(name)
  const host = `${name}.${namespace}.svc`
  const own = await authority.issue(name, `/CN=${host}`, [`DNS:${host}`, `IP:${address}`])
  const account = await authority.issue(`${name}-client`, `/CN=${user}`)
  const kubeconfig = await writeKubeconfig(`${folder}/kubeconfig`, api.url, authority, account)
  await api.apply(...objectsOf(address, await authority.bundle()))
  const program = await tool('metrics-server')
  const start = () =>
    ledger.server(
      startServer(folder, program, [
        ...['kubeconfig', 'authentication-kubeconfig', 'authorization-kubeconfig'].map(
          flag => `--${flag}=${kubeconfig}`,
        ),
        ...[`--tls-cert-file=${own.certFile}`, `--tls-private-key-file=${own.keyFile}`],
        ...[`--bind-address=${address}`, `--secure-port=${port}`, `--metric-resolution=${resolution}`],
        ...[`--kubelet-certificate-authority=${authority.certFile}`],
        '--kubelet-preferred-address-types=InternalIP',
        '--kubelet-request-timeout=5s',
      ]),
    )
  let server: Server = start()
  const isThere = () =>
    api.kubectl('get', '--raw', '/apis/metrics.k8s.io/v1beta1').then(
      () => true,
      () => false,
    )
  await ready(server, isThere)
  return {
    kill: () => server.kill(),
    async restart() {
      server = start()
      await ready(server, isThere)
    },
  }
}

const rbac = 'rbac.authorization.k8s.io'
const subjects = [{ apiGroup: rbac, kind: 'User', name: user }]
const roleOf = (kind: string, role: string) => ({ apiGroup: rbac, kind, name: role })

/** As its own manifests have them, but for the Deployment. */
const objectsOf = (address: string, caBundle: string) => [
  {
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRole',
    metadata: { name: user },
    rules: [
      { apiGroups: [''], resources: ['nodes/metrics'], verbs: ['get'] },
      { apiGroups: [''], resources: ['pods', 'nodes'], verbs: ['get', 'list', 'watch'] },
    ],
  },
  ...[user, 'system:auth-delegator'].map(role => ({
    apiVersion: `${rbac}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name: `${name}:${role}` },
    roleRef: roleOf('ClusterRole', role),
    subjects,
  })),
  {
    apiVersion: `${rbac}/v1`,
    kind: 'RoleBinding',
    metadata: { name: `${name}-auth-reader`, namespace },
    roleRef: roleOf('Role', 'extension-apiserver-authentication-reader'),
    subjects,
  },
  {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace },
    spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
  },
  {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name } },
    addressType: 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port }],
  },
  {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: 'v1beta1.metrics.k8s.io' },
    spec: {
      group: 'metrics.k8s.io',
      version: 'v1beta1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      service: { name, namespace, port: 443 },
      caBundle,
    },
  },
]
