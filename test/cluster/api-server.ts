import { execFile } from 'node:child_process'
import { generateKeyPairSync, randomInt } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Authority, makeAuthority, writeKubeconfig } from './certificates.ts'
import { Ledger, sweep } from './ledger.ts'
import { progress } from './progress.ts'
import { ready, type Server, startServer } from './server.ts'
import { tool } from './tools.ts'

export interface ApiServerOptions {
  /** Also the controllers: they make service accounts, collect garbage, end namespaces, and make pods of Deployments. */
  controllers?: boolean
  /** Also the scheduler. */
  scheduler?: boolean
  /** More arguments of kube-apiserver. */
  args?: string[]
  /** More arguments of kube-controller-manager. */
  controllerArgs?: string[]
}

export interface ApiServer {
  /** Path of a kubeconfig that may do everything. */
  readonly kubeconfig: string
  readonly url: string
  /** Where a test may put files of its own: it goes with the server. */
  readonly folder: string
  /** @returns what kubectl printed. @throws when it did not end with 0 */
  kubectl(...args: string[]): Promise<string>
  /** What `kubectl apply -f -` does. */
  apply(...objects: object[]): Promise<void>
  /** A kubeconfig of somebody else. @param groups as `system:masters` */
  kubeconfigOf(user: string, groups?: string[]): Promise<string>
  /** It answers nothing, and keeps its connections, until `thaw`. */
  freeze(): void
  thaw(): void
  /** With -9; what it had is in etcd. */
  kill(): Promise<void>
  /** After `kill`, or with other arguments. @param args more arguments of kube-apiserver, in place of the first ones */
  restart(args?: string[]): Promise<void>
  stop(): Promise<void>
}

/** etcd and an API server on an address of their own in 127.0.0.0/8, with no node. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  await sweep()
  await tool('kube-apiserver')
  const ledger = new Ledger()
  const done = progress('starting an API server')
  try {
    // Its own, so that the usual ports are free there however many run.
    const address = `127.${randomInt(64, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
    const plane = await startControlPlane(ledger, { address, services: '10.96.0.0/16', ...options })
    done()
    return {
      ...plane.api,
      async stop() {
        await plane.end()
        await ledger.close()
      },
    }
  } catch (error) {
    done()
    await ledger.close()
    throw error
  }
}

export interface ControlPlane {
  api: Omit<ApiServer, 'stop'>
  authority: Authority
  end(): Promise<void>
}

/** @param services the range that services take their addresses from */
export async function startControlPlane(
  ledger: Ledger,
  options: ApiServerOptions & { address: string; services: string },
): Promise<ControlPlane> {
  const { address, services } = options
  const folder = ledger.folderFor('control-plane')
  const url = `https://${address}:6443`
  const servers: Server[] = []
  const start = (program: string, args: string[]) => {
    const server = ledger.server(startServer(folder, program, args))
    servers.push(server)
    return server
  }
  const end = async () => void (await Promise.all(servers.map(server => server.kill())))
  try {
    const authority = await makeAuthority(folder)
    const firstOf = services.replace(/\.0\/\d+$/, '.1')
    const names = [`IP:${address}`, `IP:${firstOf}`, 'DNS:kubernetes.default.svc', 'DNS:kubernetes.default']
    const own = await authority.issue('apiserver', '/CN=kube-apiserver', names)
    const admin = await authority.issue('admin', '/O=system:masters/CN=admin')
    const kubeconfig = await writeKubeconfig(join(folder, 'admin.kubeconfig'), url, authority, admin)
    const accounts = join(folder, 'service-accounts.key')
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
    writeFileSync(accounts, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 })

    const [client, peer] = [`http://${address}:2379`, `http://${address}:2380`]
    start('etcd', [
      ...['--name', 'test', '--data-dir', join(folder, 'etcd'), '--unsafe-no-fsync', '--log-level', 'warn'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
    ])
    const program = await tool('kube-apiserver')
    const startApi = async (args: string[]) => {
      const api = start(program, [
        ...['--etcd-servers', client, '--bind-address', address, '--secure-port', '6443'],
        ...(address.startsWith('127.')
          ? // Nobody could use it as the endpoint of a service.
            ['--advertise-address', firstOf, '--endpoint-reconciler-type', 'none']
          : ['--advertise-address', address]),
        ...['--tls-cert-file', own.certFile, '--tls-private-key-file', own.keyFile],
        ...['--client-ca-file', authority.certFile, '--authorization-mode', 'Node,RBAC'],
        ...['--service-cluster-ip-range', services, '--service-account-issuer', 'https://kubernetes.default.svc'],
        ...['--service-account-key-file', accounts, '--service-account-signing-key-file', accounts],
        ...['--kubelet-client-certificate', admin.certFile, '--kubelet-client-key', admin.keyFile],
        ...['--kubelet-preferred-address-types', 'InternalIP', '--allow-privileged=true'],
        ...['--enable-admission-plugins', 'NodeRestriction', '--shutdown-delay-duration', '0s', ...args],
      ])
      const ask = { ca: readFileSync(authority.certFile), cert: readFileSync(admin.certFile) }
      const key = readFileSync(admin.keyFile)
      await ready(api, () => answers200(`${url}/readyz`, { ...ask, key }))
      return api
    }
    let api = await startApi(options.args ?? [])

    const kubectlProgram = await tool('kubectl')
    const kubectl = async (...args: string[]) =>
      (await promisify(execFile)(kubectlProgram, ['--kubeconfig', kubeconfig, ...args], { maxBuffer: 2 ** 26 })).stdout
    if (options.controllers)
      start(await tool('kube-controller-manager'), [
        ...['--kubeconfig', kubeconfig, '--bind-address', address, '--leader-elect=false'],
        ...['--service-account-private-key-file', accounts, '--root-ca-file', authority.certFile],
        ...['--cluster-signing-cert-file', authority.certFile, '--cluster-signing-key-file', authority.keyFile],
        ...['--use-service-account-credentials', ...(options.controllerArgs ?? [])],
      ])
    if (options.scheduler)
      start(await tool('kube-scheduler'), [
        ...['--kubeconfig', kubeconfig, '--bind-address', address, '--leader-elect=false'],
      ])
    return {
      authority,
      end,
      api: {
        kubeconfig,
        url,
        folder: ledger.folder,
        kubectl,
        async apply(...objects) {
          const file = join(folder, 'apply.json')
          writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
          await kubectl('apply', '--server-side', '-f', file)
        },
        async kubeconfigOf(user, groups = []) {
          const subject = `${groups.map(group => `/O=${group}`).join('')}/CN=${user}`
          const certificate = await authority.issue(user.replaceAll(/[^\w-]/g, '-'), subject)
          return writeKubeconfig(certificate.certFile.replace(/crt$/, 'kubeconfig'), url, authority, certificate)
        },
        freeze: () => api.signal('SIGSTOP'),
        thaw: () => api.signal('SIGCONT'),
        kill: () => api.kill(),
        async restart(args = options.args ?? []) {
          await api.kill()
          api = await startApi(args)
        },
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}

function answers200(url: string, tls: { ca: Buffer; cert: Buffer; key: Buffer }): Promise<boolean> {
  return new Promise(resolve => {
    request(url, { ...tls, agent: false, timeout: 2_000 }, response => {
      response.resume()
      resolve(response.statusCode === 200)
    })
      .on('error', () => resolve(false))
      .on('timeout', function () {
        this.destroy()
      })
      .end()
  })
}
