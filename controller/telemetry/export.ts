import { staying } from '../adaptation/refuge.ts'
import { withoutCredentials } from '../broker/broker-client.ts'
import type { Dataflow } from '../dataflow.ts'
import type { NodeState, ObservedHost, Orchestrator } from '../orchestrator/orchestrator.ts'
import type { TelemetryHeader } from './file.ts'

/** What telemetry is of: a dataflow as it runs now. @param since ms since the epoch */
export async function headerOf(
  dataflow: Dataflow,
  brokerUrl: string,
  orchestrator: Pick<Orchestrator, 'nodeStates' | 'network'>,
  since: number,
): Promise<TelemetryHeader> {
  const { network } = orchestrator
  const hosts = dataflow.last?.observed.hosts ?? []
  const header = headerWith(dataflow, {
    ...{ brokerUrl, network, hosts, since },
    states: await orchestrator.nodeStates(),
  })
  const homes = staying(dataflow.inventory!)
  return { ...header, ...(Object.keys(homes).length > 0 && { homes }) }
}

/** What it runs on, and in. */
interface World {
  /** Of the dataflow's own broker. */
  brokerUrl: string
  network: Orchestrator['network']
  hosts: readonly ObservedHost[]
  states: NodeState[]
  /** Ms since the epoch. */
  since: number
}

/** The same of what is known already, all of it where it runs. */
export function headerWith(
  { inventory, last }: Dataflow,
  { brokerUrl, network, hosts, states, since }: World,
): TelemetryHeader {
  const { name, flow } = inventory!
  const { links = [], brokerZone } = network ?? {}
  return {
    v: 1,
    kind: 'dyninka-telemetry',
    flow: name,
    at: new Date().toISOString(),
    since: new Date(since).toISOString(),
    revision: last?.revision ?? '',
    broker: withoutCredentials(brokerUrl),
    ...(last?.observed.zoneBrokers && { zoneBrokers: last.observed.zoneBrokers }),
    graph: flow.nodes.map(node => ({
      name: node.name,
      kind: node.kind,
      from: node.from,
      ...(node.kind === 'source' && node.time !== undefined && { hasEventTime: true }),
    })),
    hosts: hosts
      .filter(({ phase, place }) => phase === 'running' && place !== '')
      .map(({ node, place }) => ({ function: node, node: place })),
    nodes: states,
    ...(links.length > 0 && { links }),
    ...(brokerZone !== undefined && { brokerZone }),
  }
}
