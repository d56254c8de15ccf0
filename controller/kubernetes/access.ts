import { existsSync, readFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { isIPv6 } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Problem } from '../../schema/problem.ts'

export interface AccessOptions {
  /** Path of a kubeconfig; otherwise `KUBECONFIG`, `~/.kube/config`, or the service account of the pod. */
  kubeconfig?: string
  context?: string
  /** Folder with the service account of this pod, where it isn't the usual one. */
  serviceAccount?: string
}

/** Where the API server is, and how to sign in there. */
export interface Access {
  server: URL
  /** Of the context; `default` when it names none. */
  namespace: string
  /** TLS options and headers for one request. Asked again after a 401, and after a minute. */
  sign(): Promise<RequestOptions>
}

/** @throws Problem when there is no usable configuration */
export async function openAccess(options: AccessOptions = {}): Promise<Access> {
  const { kubeconfig, context, serviceAccount } = options
  if (serviceAccount !== undefined) return podAccess(serviceAccount)
  const isGiven = kubeconfig !== undefined || context !== undefined || process.env.KUBECONFIG
  if (!isGiven && existsSync(join(podFolder, 'token'))) return podAccess(podFolder)
  return userAccess(options)
}

const usual = () => join(homedir(), '.kube', 'config')

const podFolder = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Of a pod. It takes two files, and the library that knows all the other ways takes 80 MB of memory and a second. */
function podAccess(folder: string): Access {
  const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '443' } = process.env
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  try {
    return {
      server: new URL(`https://${isIPv6(host) ? `[${host}]` : host}:${port}`),
      namespace: read('namespace'),
      // The token is another one every hour.
      sign: async () => ({
        ca: read('ca.crt'),
        headers: { authorization: `Bearer ${read('token').trim()}` },
      }),
    }
  } catch (error) {
    throw new Problem(
      'ServiceAccountMissing',
      `cannot use the service account: ${(error as Error).message}`,
      {
        disposition: 'stalled',
        hint: 'Run in a pod with a service account whose token is mounted, or name a kubeconfig.',
        cause: error,
      },
    )
  }
}

async function userAccess({ kubeconfig, context }: AccessOptions): Promise<Access> {
  if (kubeconfig === undefined && !process.env.KUBECONFIG && !existsSync(usual())) {
    throw new Problem('KubeconfigMissing', `there is no kubeconfig: ${usual()} does not exist`, {
      disposition: 'stalled',
      hint: 'Name one with --kubeconfig, or the variable KUBECONFIG.',
    })
  }
  const { KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else config.loadFromFile(kubeconfig)
    if (context !== undefined) config.setCurrentContext(context)
  } catch (error) {
    throw new Problem('KubeconfigInvalid', `cannot read the kubeconfig: ${(error as Error).message}`, {
      disposition: 'stalled',
      hint: 'Check --kubeconfig, or the variable KUBECONFIG.',
      cause: error,
    })
  }
  const cluster = config.getCurrentCluster()
  if (!cluster) {
    throw new Problem('ContextNotFound', `the kubeconfig has no context ${config.getCurrentContext()}`, {
      disposition: 'stalled',
      hint: `It has: ${
        config
          .getContexts()
          .map(({ name }) => name)
          .join(', ') || 'none'
      }.`,
    })
  }
  return {
    server: new URL(cluster.server),
    namespace: config.getContextObject(config.getCurrentContext())?.namespace ?? 'default',
    async sign() {
      const options: RequestOptions = { headers: {} }
      await config.applyToHTTPSOptions(options)
      if (cluster.proxyUrl === undefined) delete options.agent // ours keeps connections, and bounds them
      return options
    },
  }
}
