import { partitionNames } from '../schema/topics.ts'
import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './plan.ts'
import { hasNoHostLeft, isFed } from './plan-hosts.ts'
import { isInEffect } from './rollout.ts'

/** What is left in the broker of nodes, and of partitions, that are gone. */
export function planDiscards({ flow, contents }: Desired, observed: Observed): Change[] {
  const { sessions, wirings } = observed
  const changes: Change[] = []
  for (const node of new Set([...Object.keys(sessions), ...Object.keys(wirings)])) {
    const wiring = wirings[node]
    const had = new Set([...(sessions[node] ?? []), ...(wiring ? partitionNames(wiring) : [])])
    const content = contents[node]
    if (!content) {
      if (!hasNoHostLeft(node, observed) || isFed(node, observed)) continue
      changes.push({ action: 'discard', flow, node, partitions: [...had], everything: true })
      continue
    }
    if (!wiring || !isInEffect(node, wiring, observed)) continue
    const partitions = [...had].filter(name => !partitionNames(wiring).includes(name))
    if (partitions.length > 0) changes.push({ action: 'discard', flow, node, partitions, everything: false })
  }
  return changes
}
