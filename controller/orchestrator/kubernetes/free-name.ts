import { type ClusterView, labelOf } from './cluster-view.ts'
import { nameOf } from './names.ts'
import type { KubernetesOptions } from './options.ts'

/** A name for the objects of a node of the graph that no other one has. */
export function freeName(
  view: Pick<ClusterView, 'deployments'>,
  { namespace, dataflow }: Pick<KubernetesOptions, 'namespace' | 'dataflow'>,
  flow: string,
  node: string,
): string {
  const holder = view.deployments.get(nameOf(flow, node), namespace)
  const isOurs =
    holder &&
    labelOf(holder, 'dataflow') === dataflow &&
    labelOf(holder, 'flow') === flow &&
    labelOf(holder, 'function') === node
  return nameOf(flow, node, !holder || isOurs)
}
