import type { OutageRecord } from '../../controller/adaptation/outages.ts'
import { Outages } from '../../controller/adaptation/outages.ts'
import type { Reckon } from '../../controller/adaptation/reckoned.ts'
import type { Refuges } from '../../controller/adaptation/refuge.ts'
import { defaultAdaptation } from '../../controller/adaptation/settings.ts'
import { Shelter } from '../../controller/adaptation/shelter.ts'
import { troublesOf } from '../../controller/adaptation/trouble.ts'
import type { NodeState, ObservedHost } from '../../controller/orchestrator/orchestrator.ts'
import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { Flow, Placement } from '../../schema/flow.ts'
import { flowOf } from './planned.ts'
import { fn } from './rig.ts'

/** One in each of three zones. */
export const nodes: DeclaredNode[] = [
  { name: 'e1', zone: 'edge', arch: 'arm64' },
  { name: 'f1', zone: 'fog', arch: 'arm64', rttMs: { edge: 5 } },
  { name: 'c1', zone: 'cloud', arch: 'amd64', rttMs: { edge: 30, fog: 20 } },
]
export const minute = 60_000

export const lost: NodeState['conditions'] = [{ type: 'Ready', status: 'Unknown' }]
export const short: NodeState['conditions'] = [{ type: 'MemoryPressure', status: 'True' }]
export const drained: NodeState['conditions'] = [{ type: 'Drained', status: 'True' }]
export const cordoned: NodeState['conditions'] = [{ type: 'Unschedulable', status: 'True' }]

/** Nodes, clock and hosts of a controller that decides and does at once. */
export class DisplacedWorld {
  nodes = nodes
  conditions = new Map<string, NodeState['conditions']>()
  cut = new Set<string>()
  outages = new Outages()
  shelter = new Shelter()
  record: OutageRecord = {}
  refuges: Refuges = {}
  unheeded: string[] = []
  /** Each that was decided. */
  moves: string[] = []
  schedules = false
  hosts: ObservedHost[]
  flow: Flow
  nowMs = 0
  settings = defaultAdaptation
  /** Absent: nobody reckons whether going back pays. */
  reckon?: Reckon
  /** Why those went back that did. */
  returned: Record<string, string> = {}

  constructor(placements: Placement[], more: Partial<DeclaredNode>[] = []) {
    const names = ['a', 'b', 'c'].slice(0, placements.length)
    this.flow = flowOf(...names.map((name, i) => fn(name, ['tick'], { placement: placements[i]! })))
    this.nodes = [...nodes, ...(more as DeclaredNode[])]
    this.hosts = names.map((name, i) => hostOf(name, this.#placeOf(placements[i]!)))
  }

  #placeOf({ zone, node }: Placement) {
    return node ?? this.nodes.find(each => zone === undefined || each.zone === zone)!.name
  }

  /** Looks each 5 s for so long. */
  after(ms: number): this {
    for (const end = this.nowMs + ms; this.nowMs < end; this.nowMs += 5_000) this.look()
    return this
  }

  look(): this {
    const states = this.nodes.map(({ name, zone }) => ({
      name,
      labels: {},
      ...(zone !== undefined && { zone }),
      conditions: this.conditions.get(name) ?? [],
    }))
    const clock = { nowMs: this.nowMs, now: new Date(Date.UTC(2026, 0, 1) + this.nowMs) }
    const troubles = troublesOf(states, this.nodes, this.cut)
    this.record = this.outages.look(troubles, this.nodes, this.record, this.settings, clock)
    const premises = {
      flow: this.flow,
      nodes: this.nodes,
      outages: this.record,
      troubles,
      hosts: this.hosts,
      schedules: this.schedules,
    }
    const { refuges, returned, unheeded } = this.shelter.look(
      premises,
      this.refuges,
      clock,
      this.settings,
      this.reckon,
    )
    for (const { name, placement } of this.flow.nodes) {
      const [now, old] = [refuges[name], this.refuges[name]]
      if (now === old || (now && old && now.zone === old.zone && now.node === old.node)) continue
      const to = now ?? placement
      this.moves.push(`${name} → ${to.node ?? to.zone ?? 'anywhere'}`)
      this.hosts = this.hosts.map(host => (host.node === name ? { ...host, place: this.#placeOf(to) } : host))
    }
    this.refuges = refuges
    Object.assign(this.returned, returned)
    this.unheeded = unheeded
    return this
  }
}

export const hostOf = (node: string, place: string, residentBytes?: number) =>
  ({
    flow: 'f',
    node,
    generation: 1,
    replica: 0,
    place,
    id: `${node}-1-0`,
    phase: 'running',
    failures: 0,
    ...(residentBytes !== undefined && { residentBytes }),
  }) as ObservedHost
