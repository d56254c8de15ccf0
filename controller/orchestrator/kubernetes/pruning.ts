import { type KubernetesObject, resources } from '../../kubernetes/resource.ts'
import { type ClusterView, labelOf } from './cluster-view.ts'
import type { Manifest } from './manifests.ts'
import { annotations, configMapName } from './names.ts'
import { readRecord } from './record.ts'

/** Between the moment when code is stored and that when the first Deployment needs it lies less. */
const freshMs = 600_000

/** Of one node of the graph, when it is to run no more. */
export function objectsOf(view: ClusterView, dataflow: string, flow: string, node: string): Manifest[] {
  return view
    .objects()
    .filter(
      ({ object }) =>
        labelOf(object, 'dataflow') === dataflow &&
        labelOf(object, 'flow') === flow &&
        labelOf(object, 'function') === node,
    )
}

/** What nodes of a flow shared, once none of them is left; and what belongs to a node that has no Deployment. */
export function orphans(view: ClusterView, dataflow: string): Manifest[] {
  const deployments = view.deployments.list().filter(object => labelOf(object, 'dataflow') === dataflow)
  const flows = new Set(deployments.map(object => labelOf(object, 'flow')))
  const nodes = new Set(
    deployments.map(object => `${labelOf(object, 'flow')}/${labelOf(object, 'function')}`),
  )
  return view.objects().filter(({ resource, object }) => {
    if (labelOf(object, 'dataflow') !== dataflow || resource === resources.Deployment) return false
    const [flow, node] = [labelOf(object, 'flow'), labelOf(object, 'function')]
    return node === undefined ? !flows.has(flow) : !nodes.has(`${flow}/${node}`)
  })
}

/** ConfigMaps with code that nothing in this namespace runs, or is about to run. @param now ms since 1970;
 *  `Infinity` for the freshest, too: whoever needs it all the same mends its Deployment, which brings it back */
export function unusedCode(view: ClusterView, now: number): KubernetesObject[] {
  const used = new Set<string>()
  for (const deployment of view.deployments.list()) {
    const record = readRecord(deployment)
    // Of one that can't be read it isn't known what it needs.
    if (!record) return []
    used.add(configMapName(record.workload.artifact)).add(configMapName(record.workload.runtime))
  }
  for (const { metadata } of view.pods.list()) {
    for (const name of [annotations.artifact, annotations.runtime])
      used.add(configMapName(metadata.annotations?.[name] ?? ''))
  }
  return view.configMaps.list().filter(object => {
    if (labelOf(object, 'artifact') === undefined || used.has(object.metadata.name)) return false
    return now - Date.parse(object.metadata.creationTimestamp ?? '') > freshMs
  })
}
