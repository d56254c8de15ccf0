import { keepsKeys, partitionNames } from '../schema/topics.ts'
import { brokersIn, type Content, type Wiring } from '../schema/wiring.ts'
import type { Change } from './change.ts'
import type { Desired } from './desired.ts'
import type { Observed } from './plan.ts'
import { hasNoHostLeft, isFed } from './plan-hosts.ts'
import { isConfirmed, isInEffect } from './rollout.ts'

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
      changes.push({
        action: 'discard',
        flow,
        node,
        partitions: [...had],
        everything: true,
        ...onBrokers(node, observed),
      })
      continue
    }
    if (!wiring || !isInEffect(node, wiring, observed)) continue
    const needed = new Set([...namesOf(wiring), ...partitionNames(content)])
    const partitions = [...had].filter(name => !needed.has(name))
    changes.push(...leaves(flow, node, [...needed], content, observed))
    if (partitions.length === 0) continue
    const ofKeys = !keepsKeys(wiring) && !keepsKeys(content)
    changes.push({
      action: 'discard',
      flow,
      node,
      partitions,
      everything: false,
      ...(ofKeys && { ofKeys }),
      ...onBrokers(node, observed),
    })
  }
  return changes
}

export const onBrokers = (node: string, { brokers = {} }: Pick<Observed, 'brokers'>) =>
  brokers[node]?.length ? { brokers: brokers[node] } : {}

/** Brokers of zones that every partition has left, and goes by no more. */
function leaves(
  flow: string,
  node: string,
  partitions: string[],
  content: Content,
  observed: Observed,
): Change[] {
  const wiring = observed.wirings[node]!
  const { brokers = {} } = observed
  if (wiring.next || !isConfirmed(node, { ...observed, failed: new Set() })) return []
  const needed = [...brokersIn(wiring), ...brokersIn(content)]
  return (brokers[node] ?? [])
    .filter(broker => !needed.includes(broker))
    .map(broker => ({ action: 'leave', flow, node, partitions, broker }))
}

/** Partitions that there are, and those to come. */
const namesOf = (wiring: Wiring) => [
  ...partitionNames(wiring),
  ...(wiring.next ? partitionNames(wiring.next) : []),
]
