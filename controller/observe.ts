import type { FlowView } from './broker/flow-view.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { ObservedHost } from './orchestrator/orchestrator.ts'
import type { Observed } from './plan.ts'
import type { RunningHost } from './rollout.ts'

/** Hosts speak once a second, also those that were started a moment ago and are not known yet. */
const goneMs = 2_000

/** What runs, and what the broker retains, of a dataflow that has an inventory. */
export async function observe(
  dataflow: Dataflow,
  { broker, orchestrator, silentMs, zoneBrokers, unordered }: Context,
): Promise<Observed> {
  const { name, sessions, resting = {}, brokers } = dataflow.inventory!
  const view = await broker.watch(name, Object.keys(sessions))
  const [hosts, nodes] = await Promise.all([orchestrator.observe(name), orchestrator.nodes()])
  return {
    hosts,
    nodes,
    ...(orchestrator.schedules && { schedules: true as const }),
    wirings: Object.fromEntries(view.wirings),
    ended: await endedOf(name, view, broker),
    presences: runningHosts(hosts, view),
    sessions: { ...sessions },
    resting: Object.fromEntries(Object.entries(resting).map(([node, { revision }]) => [node, revision])),
    silent: broker.connected ? silentHosts(hosts, view, silentMs) : [],
    gone: broker.connected ? goneHosts(hosts, view) : [],
    ...(unordered && { unordered }),
    ...(zoneBrokers && { zoneBrokers: zoneBrokers.offered }),
    ...(brokers && { brokers: structuredClone(brokers) }),
  }
}

/** The last cursors of partitions that are to end, of nodes where all have. */
export async function endedOf(flow: string, { wirings }: FlowView, broker: Context['broker']) {
  const ended: Observed['ended'] = {}
  for (const [node, wiring] of wirings) {
    const cursors = wiring.last && (await broker.ended(flow, node, wiring))
    if (cursors) ended[node] = cursors
  }
  return ended
}

/** Presences of processes that are known: what a broker brings back of a machine's last life is none. */
function runningHosts(hosts: ObservedHost[], { presences }: FlowView): RunningHost[] {
  return hosts.flatMap(({ id, node, phase }) => {
    const presence = presences.get(id)
    return presence && phase !== 'backoff' ? [{ ...presence, function: node }] : []
  })
}

/** Hosts that were heard of once and then no more, although we could have heard them. */
function silentHosts(hosts: ObservedHost[], { heard, completeSince }: FlowView, silentMs: number): string[] {
  const now = performance.now()
  return hosts
    .filter(
      ({ id, phase }) =>
        phase === 'running' && heard.has(id) && now - Math.max(heard.get(id)!, completeSince) > silentMs,
    )
    .map(({ id }) => id)
}

/** Hosts that no process is known of, and that the broker still shows: it was away when they went. To the others they
 *  have a share of the work. */
function goneHosts(hosts: ObservedHost[], { presences, nodes, heard, completeSince }: FlowView) {
  const now = performance.now()
  const known = new Set(hosts.map(({ id }) => id))
  return [...presences.keys()]
    .filter(id => !known.has(id) && now - Math.max(heard.get(id) ?? 0, completeSince) > goneMs)
    .map(host => ({ node: nodes.get(host)!, host }))
}
