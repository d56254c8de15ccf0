import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import type { ApiServer, ApiServerOptions } from './api-server.ts'
import { type Authority, makeAuthority, writeKubeconfig } from './certificates.ts'
import type { Ledger } from './ledger.ts'
import { run } from './run-program.ts'
import { ready, startServer } from './server.ts'
import { tool } from './tools.ts'

export interface ControlPlane {
  api: Omit<ApiServer, 'stop'>
  authority: Authority
}

/** What listens, where. */
interface Place {
  address: string
  /** The range that services take their addresses from. */
  services: string
}

/** Starts etcd and an API server, and what else of the control plane is asked for. `ledger` ends them. */
export async function startControlPlane(
  ledger: Ledger,
  { address, services, ...options }: ApiServerOptions & Place,
): Promise<ControlPlane> {
  const folder = ledger.folderFor('control-plane')
  const url = `https://${address}:6443`
  const authority = await makeAuthority(folder)
  const names = [`IP:${address}`, `IP:${firstOf(services)}`, 'DNS:kubernetes.default.svc']
  const [own, admin, front] = await Promise.all([
    authority.issue('api-server', '/CN=kube-apiserver', names),
    authority.issue('admin', '/O=system:masters/CN=admin'),
    authority.issue('front-proxy', '/CN=front-proxy'),
  ])
  const kubeconfig = await writeKubeconfig(join(folder, 'admin.kubeconfig'), url, authority, admin)
  const accountKey = join(folder, 'service-accounts.key')
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  writeFileSync(accountKey, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })
  const start = (program: string, flags: Flags, more: string[] = []) =>
    ledger.server(startServer(folder, program, [...argumentsOf(flags), ...more]))

  start('etcd', etcd(address, join(folder, 'etcd')))
  const program = await tool('kube-apiserver')
  const flags = {
    'etcd-servers': `http://${address}:2379`,
    'bind-address': address,
    'secure-port': 6443,
    'tls-cert-file': own.certFile,
    'tls-private-key-file': own.keyFile,
    'client-ca-file': authority.certFile,
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'service-cluster-ip-range': services,
    'service-account-issuer': 'https://kubernetes.default.svc',
    'service-account-key-file': accountKey,
    'service-account-signing-key-file': accountKey,
    'kubelet-client-certificate': admin.certFile,
    'kubelet-client-key': admin.keyFile,
    'kubelet-preferred-address-types': 'InternalIP',
    'kubelet-certificate-authority': authority.certFile,
    // To those that serve a part of the API it says who asks, by a certificate that they know it by.
    'proxy-client-cert-file': front.certFile,
    'proxy-client-key-file': front.keyFile,
    'requestheader-client-ca-file': authority.certFile,
    'requestheader-allowed-names': 'front-proxy',
    'requestheader-username-headers': 'X-Remote-User',
    'requestheader-group-headers': 'X-Remote-Group',
    'requestheader-extra-headers-prefix': 'X-Remote-Extra-',
    // They are beside it, and not behind the proxies of the nodes.
    'enable-aggregator-routing': true,
    'allow-privileged': true,
    // Without nodes its address is one that no service could lead to.
    ...(address.startsWith('127.')
      ? { 'advertise-address': firstOf(services), 'endpoint-reconciler-type': 'none' }
      : { 'advertise-address': address }),
  }
  const credentials = [authority.certFile, admin.certFile, admin.keyFile].map(file => readFileSync(file))
  const startApi = async (more: string[] = options.args ?? []) => {
    const server = start(program, flags, more)
    await ready(server, () => isReady(`${url}/readyz`, credentials))
    return server
  }
  let api = await startApi()
  const others: Flags = { kubeconfig, 'bind-address': address, 'leader-elect': false }
  if (options.controllers)
    start(
      await tool('kube-controller-manager'),
      {
        ...others,
        'service-account-private-key-file': accountKey,
        'root-ca-file': authority.certFile,
        'cluster-signing-cert-file': authority.certFile,
        'cluster-signing-key-file': authority.keyFile,
        'use-service-account-credentials': true,
      },
      options.controllerArgs,
    )
  if (options.scheduler) start(await tool('kube-scheduler'), others)

  const kubectlProgram = await tool('kubectl')
  const kubectl = (...args: string[]) => run(kubectlProgram, ['--kubeconfig', kubeconfig, ...args])
  // Pods are refused before.
  if (options.controllers) await kubectl('wait', '--for=create', 'serviceaccount/default', '--timeout=60s')
  return {
    authority,
    api: {
      kubeconfig,
      url,
      folder: ledger.folder,
      kubectl,
      async apply(...objects) {
        const file = join(folder, `apply-${performance.now()}.json`)
        writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
        await kubectl('apply', '--server-side', '-f', file)
      },
      async kubeconfigOf(user, groups = []) {
        const name = `user-${user.replaceAll(/[^\w-]/g, '-')}`
        const subject = `${groups.map(group => `/O=${group}`).join('')}/CN=${user}`
        const certificate = await authority.issue(name, subject)
        return writeKubeconfig(join(folder, `${name}.kubeconfig`), url, authority, certificate)
      },
      freeze: () => api.signal('SIGSTOP'),
      thaw: () => api.signal('SIGCONT'),
      kill: () => api.kill(),
      async restart(args) {
        await api.kill()
        api = await startApi(args)
      },
    },
  }
}

type Flags = Record<string, string | number | boolean>

const argumentsOf = (flags: Flags) => Object.entries(flags).map(([name, value]) => `--${name}=${value}`)

/** Where the API server is reached as a service. */
const firstOf = (services: string) => services.replace(/\.0\/\d+$/, '.1')

function etcd(address: string, folder: string): Flags {
  const [client, peer] = [`http://${address}:2379`, `http://${address}:2380`]
  return {
    name: 'test',
    'data-dir': folder,
    'log-level': 'warn',
    'unsafe-no-fsync': true,
    'listen-client-urls': client,
    'advertise-client-urls': client,
    'listen-peer-urls': peer,
    'initial-advertise-peer-urls': peer,
    'initial-cluster': `test=${peer}`,
  }
}

function isReady(url: string, [ca, cert, key]: Buffer[]): Promise<boolean> {
  return new Promise(resolve => {
    const asked = request(url, { ca, cert, key, agent: false, timeout: 2_000 }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked
      .on('error', () => resolve(false))
      .on('timeout', () => asked.destroy())
      .end()
  })
}
