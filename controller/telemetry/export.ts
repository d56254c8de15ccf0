import type { DeclaredLink } from '../../schema/declared-link.ts'
import { withoutCredentials } from '../broker/broker-client.ts'
import type { Dataflow } from '../dataflow.ts'
import type { Orchestrator } from '../orchestrator/orchestrator.ts'
import type { TelemetryHeader } from './file.ts'

/** What telemetry is of: a dataflow as it runs now. @param since ms since the epoch */
export async function headerOf(
  { inventory, last }: Dataflow,
  brokerUrl: string,
  orchestrator: Pick<Orchestrator, 'nodeStates' | 'network'>,
  since: number,
): Promise<TelemetryHeader> {
  const { name, flow } = inventory!
  const { links, brokerZone } = orchestrator.network ?? { links: [] as DeclaredLink[] }
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
    hosts: (last?.observed.hosts ?? [])
      .filter(({ phase, place }) => phase === 'running' && place !== '')
      .map(({ node, place }) => ({ function: node, node: place })),
    nodes: await orchestrator.nodeStates(),
    ...(links.length > 0 && { links }),
    ...(brokerZone !== undefined && { brokerZone }),
  }
}
