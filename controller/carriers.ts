import { type BrokerOf, wiringOf } from '../schema/wiring.ts'
import type { Desired } from './desired.ts'
import type { Workload } from './orchestrator/orchestrator.ts'
import type { Observed } from './plan.ts'

/** By node of the graph: the zone that it is decided to be in, where that has a broker. What it sends goes by that. */
export type Carriers = Record<string, string>

/** Has what each node sends go by the broker of its zone. Pure.
 *  @param desired with its workloads as they are to run: where each is, is decided */
export function carriedBy(desired: Desired, observed: Pick<Observed, 'nodes' | 'zoneBrokers'>): Desired {
  const { zoneBrokers = [] } = observed
  if (zoneBrokers.length === 0) return desired
  const carriers: Carriers = {}
  for (const { name, placement } of desired.nodes) {
    const workload = desired.workloads.find(({ node }) => node === name)
    const zone = zoneOf(workload ?? { placement }, observed.nodes)
    if (zone !== undefined && zoneBrokers.includes(zone)) carriers[name] = zone
  }
  const { flow, nodes } = desired
  const contents = Object.fromEntries(wiringOf({ name: flow, nodes }, producer => carriers[producer]))
  return { ...desired, carriers, contents }
}

/** Of what is decided: where one may run that is free to move says nothing of where it will. */
function zoneOf(
  { placement, within }: Pick<Workload, 'placement' | 'within'>,
  nodes: Observed['nodes'],
): string | undefined {
  const zoneOfNode = (name: string) => nodes.find(node => node.name === name)?.zone
  if (placement.node !== undefined) return zoneOfNode(placement.node)
  if (placement.zone !== undefined) return placement.zone
  const [zone, ...others] = new Set(within?.map(zoneOfNode))
  return others.length === 0 ? zone : undefined
}

/** What carries an edge for now. The partitions to come of a consumer read by the brokers that they were made for, until
 *  they run. */
export function carrierOf({ carriers = {} }: Desired, { wirings }: Observed): BrokerOf {
  return (producer, consumer) => {
    const input = wirings[consumer]?.next?.inputs.find(({ node }) => node === producer)
    return input ? input.broker : carriers[producer]
  }
}

/** Whether that differs anywhere from what is wanted in the end. */
export const isCarrierHeld = ({ carriers = {} }: Desired, { wirings }: Observed) =>
  Object.values(wirings).some(({ next }) =>
    next?.inputs.some(({ node, broker }) => broker !== carriers[node]),
  )
