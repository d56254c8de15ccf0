import { keepsKeys, partitionNames } from '../schema/topics.ts'
import type { Content, Wiring } from '../schema/wiring.ts'
import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './plan.ts'
import { hasNoHostLeft, isFed } from './plan-hosts.ts'
import { isInEffect } from './rollout.ts'

/** What is left in the broker of nodes, and of partitions, that are gone.
 *  @param contents the wiring to approach, by node */
export function planDiscards(
  { flow, workloads }: Pick<Desired, 'flow' | 'workloads'>,
  contents: Record<string, Content>,
  observed: Observed,
): Change[] {
  const { sessions, wirings } = observed
  const changes: Change[] = []
  for (const node of new Set([...Object.keys(sessions), ...Object.keys(wirings)])) {
    const wiring = wirings[node]
    const had = new Set([...(sessions[node] ?? []), ...(wiring ? namesOf(wiring) : [])])
    const content = contents[node]
    if (!content) {
      if (!hasNoHostLeft(node, observed) || isFed(node, { workloads }, observed)) continue
      changes.push({ action: 'discard', flow, node, partitions: [...had], everything: true })
      continue
    }
    if (!wiring || !isInEffect(node, wiring, observed)) continue
    const needed = new Set([...namesOf(wiring), ...partitionNames(content)])
    const partitions = [...had].filter(name => !needed.has(name))
    if (partitions.length === 0) continue
    const ofKeys = !keepsKeys(wiring) && !keepsKeys(content)
    changes.push({ action: 'discard', flow, node, partitions, everything: false, ...(ofKeys && { ofKeys }) })
  }
  return changes
}

/** Partitions that there are, and those to come. */
const namesOf = (wiring: Wiring) => [
  ...partitionNames(wiring),
  ...(wiring.next ? partitionNames(wiring.next) : []),
]
