import { labelOf } from './cluster-view.ts'
import { container } from './names.ts'
import type { Pod } from './objects.ts'
import type { WorkloadRecord } from './record.ts'

/** What works of a node when a newer generation is to replace it: the one that there is, or else the one before it.
 *  @param pods of all nodes */
export function workingOf({ before, ...own }: WorkloadRecord, pods: Pod[]): WorkloadRecord['before'] {
  const { flow, node } = own.workload
  const hasTakenOver = pods.some(
    pod =>
      labelOf(pod, 'flow') === flow &&
      labelOf(pod, 'function') === node &&
      labelOf(pod, 'generation') === String(own.generation) &&
      pod.status?.containerStatuses?.some(({ name, ready }) => name === container && ready),
  )
  return hasTakenOver ? own : (before ?? own)
}
