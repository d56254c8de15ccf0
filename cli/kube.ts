import type { Command } from 'commander'
import type { KubernetesClient } from '../controller/kubernetes/client.ts'

export interface KubeOptions {
  namespace?: string
  context?: string
  kubeconfig?: string
}

/** The options by which a command finds a cluster. */
export const clusterOptions = (to: Command, namespace = 'namespace (default: that of the context)') =>
  to
    .option('-n, --namespace <NAME>', namespace)
    .option('--context <NAME>', 'of the kubeconfig (default: the current one)')
    .option('--kubeconfig <FILE>', 'default: KUBECONFIG, or ~/.kube/config')

/** @throws Problem when there is no usable kubeconfig */
export async function openCluster({ kubeconfig, context }: KubeOptions): Promise<KubernetesClient> {
  const { KubernetesClient } = await import('../controller/kubernetes/client.ts')
  return KubernetesClient.open({
    ...(kubeconfig !== undefined && { kubeconfig }),
    ...(context !== undefined && { context }),
  })
}
