import type { Finding } from '../schema/finding.ts'
import type { FunctionNode, Node } from '../schema/flow.ts'
import { type Refuge, refugeOf } from './adaptation/refuge.ts'
import type { FlowView } from './broker/flow-view.ts'
import type { Condition } from './conditions.ts'
import type { Dataflow, Suggestion } from './dataflow.ts'
import type { Phase } from './health.ts'
import type { HistoryEntry } from './inventory.ts'
import { type Override, overridden, overrideOf } from './overrides.ts'
import type { Traffic } from './traffic.ts'

export interface DataflowStatus {
  name: string
  /** In a cluster. */
  namespace?: string
  folder: string
  /** The revision that is applied, or on its way: the last good one. */
  revision: string
  source: string
  conditions: Condition[]
  findings: Finding[]
  functions: FunctionStatus[]
  history: HistoryEntry[]
  /** What is proposed for where it runs; absent when nothing is. */
  suggestion?: Suggestion
  /** By reason: reports of telemetry that were not used since the controller runs; absent when there are none. */
  telemetryRefused?: Record<string, number>
}

export interface FunctionStatus {
  name: string
  kind: 'source' | 'function' | 'sink'
  artifact: string
  phase: Phase
  message?: string
  hosts: {
    id: string
    node: string
    pid: number | null
    startedAt: string | null
    artifact: string
    generation: number
  }[]
  /** Where `scale` leaves a choice: how many hosts it should have now, and why. */
  scale?: { min: number; max: number; hosts: number; reason: string; at: string }
  /** Where it runs for now, in place of what its file says: drift on purpose. */
  placed?: Override & Pick<Refuge, 'stays'>
  recordsIn: number
  recordsOut: number
  lag: number
  /** Records given up so far. */
  deadLetters: number
  /** Those that nobody has replayed or dropped since; absent when there are none. */
  unreadDeadLetters?: number
  retries: number
  /** Records that a source dropped because of `overflow`; absent when there are none. */
  dropped?: number
}

/** A dataflow as `dyninka status` shows it. */
export function statusOf(
  dataflow: Dataflow,
  source: string,
  view?: FlowView,
  traffic?: Traffic,
): DataflowStatus {
  const totals = (view && traffic?.totals(view)) ?? new Map()
  const { inventory, last } = dataflow
  const nodes = inventory?.flow.nodes ?? []
  const { switches, moves } = inventory ?? {}
  const decided =
    inventory && new Map(overridden(inventory.flow, switches, moves).nodes.map(node => [node.name, node]))
  const override = (node: Node) => overrideOf(node, switches, moves)
  return {
    name: dataflow.name,
    folder: dataflow.folder,
    revision: last?.revision ?? '',
    source,
    conditions: dataflow.conditions.list(),
    findings: dataflow.findings,
    functions: nodes.map(node => {
      const { name, kind } = node
      const scale = node.kind === 'function' && scaleOf(node, dataflow)
      const placed = decided && (refugeOf(decided.get(name)!, inventory!.refuges) ?? override(node))
      const { phase, message } = last?.health.nodes[name] ?? { phase: 'Waiting' as const }
      const {
        recordsIn = 0,
        recordsOut = 0,
        lag = 0,
        deadLetters = 0,
        retries = 0,
        dropped = 0,
      } = totals.get(name) ?? {}
      const unread = traffic?.unread.of(name, deadLetters) ?? 0
      return {
        name,
        kind,
        artifact: last?.desired.workloads.find(({ node }) => node === name)?.artifact ?? '',
        phase:
          dataflow.building.includes(name) && phase !== 'Running' && phase !== 'Idle' ? 'Building' : phase,
        ...(message !== undefined && { message }),
        hosts: hostsOf(name, last, view),
        ...(scale && { scale }),
        ...(placed && { placed }),
        recordsIn,
        recordsOut,
        lag,
        deadLetters,
        ...(unread > 0 && { unreadDeadLetters: unread }),
        retries,
        ...(dropped > 0 && { dropped }),
      }
    }),
    history: inventory?.history ?? [],
    ...(dataflow.suggestion && { suggestion: dataflow.suggestion }),
  }
}

function scaleOf({ name, scale: { min, max } }: FunctionNode, { scaler }: Dataflow): FunctionStatus['scale'] {
  const scale = scaler.scaleOf(name)
  if (!scale) return undefined
  const { hosts, reason, changedAt } = scale
  return { min, max, hosts, reason, at: new Date(Date.now() - (performance.now() - changedAt)).toISOString() }
}

function hostsOf(node: string, last: Dataflow['last'], view?: FlowView): FunctionStatus['hosts'] {
  const hosts = last?.observed.hosts.filter(host => host.node === node) ?? []
  return hosts.map(({ id, place, pid, startedAt, generation }) => ({
    id,
    node: place,
    pid: pid ?? null,
    startedAt: startedAt ?? null,
    artifact: view?.presences.get(id)?.artifact ?? '',
    generation,
  }))
}
