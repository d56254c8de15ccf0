import type { RequestOptions } from 'node:https'
import { Problem } from '../../schema/problem.ts'

export interface AccessOptions {
  /** Path of a kubeconfig; otherwise `KUBECONFIG`, `~/.kube/config`, or the service account of the pod. */
  kubeconfig?: string
  context?: string
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
export async function openAccess({ kubeconfig, context }: AccessOptions = {}): Promise<Access> {
  // 80 MB and a second, which who runs no cluster shouldn't pay.
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
