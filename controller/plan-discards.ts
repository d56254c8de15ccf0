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
    const had = Math.max(sessions[node] ?? 0, wirings[node]?.partitions ?? 0)
    const content = contents[node]
    if (!content) {
      if (!hasNoHostLeft(node, observed) || isFed(node, observed)) continue
      changes.push({ action: 'discard', flow, node, partitions: range(0, had), everything: true })
      continue
    }
    const wiring = wirings[node]
    const needed = Math.max(content.partitions, wiring?.partitions ?? 0)
    if (wiring && had > needed && isInEffect(node, wiring, observed)) {
      changes.push({ action: 'discard', flow, node, partitions: range(needed, had), everything: false })
    }
  }
  return changes
}

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i)
