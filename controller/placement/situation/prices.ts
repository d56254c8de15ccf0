import type { Flow, Prices, Goal as Wanted } from '../../../schema/flow.ts'
import type { NodeState } from '../../orchestrator/orchestrator.ts'
import type { Goal } from '../instance.ts'
import { zoneOf } from './network.ts'

/** What a millisecond on a path counts against a GiB an hour between zones, or a unit of money an hour. */
const perMs = 0.01

/** Weights as factors, the largest of them 1. Where a dataflow says nothing, latency and network count alike. */
export function goalOf({ goal = { latency: 1, network: 1 } }: Pick<Flow, 'goal'>): Goal {
  const { latency = 0, network = 0, cost = 0 }: Wanted = goal
  const most = Math.max(latency, network, cost)
  return { latency: (perMs * latency) / most, network: network / most, cost: cost / most }
}

/** Money an hour: what the file says of the node, else its label, else what the file says of its zone, else nothing. */
export function pricePerHour({ nodes = {}, label, zones = {} }: Prices, node: NodeState): number {
  const labelled = label === undefined ? Number.NaN : Number(node.labels[label] ?? Number.NaN)
  const perDay = nodes[node.name] ?? (labelled >= 0 ? labelled : (zones[zoneOf(node)] ?? 0))
  return perDay / 24
}
