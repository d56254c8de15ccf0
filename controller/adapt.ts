import { isDeepStrictEqual } from 'node:util'
import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Flow } from '../schema/flow.ts'
import type { OutageRecord } from './adaptation/outages.ts'
import { reckonWith } from './adaptation/reckoning.ts'
import { type Refuge, type Refuges, refugeOf, sheltered } from './adaptation/refuge.ts'
import { type AdaptationSettings, defaultAdaptation } from './adaptation/settings.ts'
import { isLost, type Troubles, troublesOf } from './adaptation/trouble.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { Inventory } from './inventory.ts'
import { placeText } from './overrides.ts'
import { mayRunOn } from './place.ts'
import type { Observed } from './plan.ts'

export interface Adapted {
  /** As it can run now. */
  flow: Flow
  /** With the nodes that can be used. */
  observed: Observed
  /** What can be nowhere now, for people. */
  unheeded: string[]
}

/** Makes do with the nodes that can be used: what can't be where it is decided gets another place, and has it back later. What
 *  is decided so is in the inventory before anything is done about it. @param flow as it is decided */
export async function adapt(
  dataflow: Dataflow,
  flow: Flow,
  observed: Observed,
  context: Context,
): Promise<Adapted> {
  const { orchestrator, inventories } = context
  const inventory = dataflow.inventory!
  // They are not known yet, or nobody may see them.
  if (observed.nodes.length === 0) return { flow: sheltered(flow, inventory.refuges), observed, unheeded: [] }
  const settings = { ...defaultAdaptation, ...context.adapting }
  const clock = { nowMs: performance.now(), now: new Date() }
  const states = await orchestrator.nodeStates()
  const nodes = dataflow.adaptation.know(observed, inventory.outages, clock.now)
  const cut = await cutZones(dataflow, nodes, observed, context, settings)
  const { outages: before = {}, refuges: old = {} } = inventory
  const troubles = troublesOf(states, nodes, cut)
  const relevant = nodesOf(flow, nodes, observed, before)
  const outages = dataflow.adaptation.outages.look(troubles, relevant, before, settings, clock)
  const premises = {
    flow,
    nodes,
    outages,
    troubles,
    hosts: observed.hosts,
    schedules: observed.schedules ?? false,
  }
  const { reckoning } = context
  const world = { hosts: observed.hosts, states, orchestrator }
  const { refuges, returned, unheeded } = dataflow.adaptation.shelter.look(
    premises,
    old,
    clock,
    settings,
    reckoning && (exiles => reckonWith(reckoning, dataflow, world, exiles)),
  )
  if (!isDeepStrictEqual([outages, refuges], [before, old])) {
    inventory.outages = outages
    inventory.refuges = refuges
    inventories.save(inventory)
    tellRefuges(inventory, old, returned, context)
    if (!observed.schedules) tellLost(flow, inventory, before, observed, context)
  }
  return { flow: sheltered(flow, refuges), observed: usable(observed, troubles, outages), unheeded }
}

/** Zones whose hosts reach no broker. While we don't either, nothing new is known. */
async function cutZones(
  { adaptation, inventory }: Dataflow,
  nodes: readonly DeclaredNode[],
  { hosts }: Observed,
  { broker }: Context,
  { cutAfterMs }: AdaptationSettings,
): Promise<Set<string>> {
  const { name, sessions, outages = {} } = inventory!
  if (!broker.connected) {
    const known = Object.values(outages).filter(({ kind, counts }) => kind === 'cut' && counts)
    return new Set(known.flatMap(({ node }) => node.zone ?? []))
  }
  const view = await broker.watch(name, Object.keys(sessions))
  const zoneOf = new Map(
    nodes.flatMap(({ name, zone }) => (zone === undefined ? [] : [[name, zone] as [string, string]])),
  )
  const times = { nowMs: performance.now(), limitMs: cutAfterMs }
  return adaptation.contacts.silent(hosts, view, zoneOf, times)
}

/** A scheduler knows by itself which of its nodes it can use. */
function usable(observed: Observed, troubles: Troubles, outages: OutageRecord): Observed {
  if (observed.schedules) return observed
  const inUse = new Set(observed.hosts.map(({ place }) => place))
  // What may pass soon keeps what it has, and gets nothing new.
  const troubleOf = (name: string) =>
    outages[name]?.counts ? outages[name] : inUse.has(name) ? undefined : troubles.get(name)
  const nodes = observed.nodes.filter(({ name }) => !isLost(troubleOf(name)))
  const full = nodes.map(({ name }) => name).filter(name => troubleOf(name) !== undefined)
  return { ...observed, nodes, ...(full.length > 0 && { full }) }
}

/** Nodes that something is on, or is decided to be on, with the labels that matter: they may be written down. */
function nodesOf(
  { nodes: graph }: Flow,
  nodes: readonly DeclaredNode[],
  { hosts }: Observed,
  before: OutageRecord,
): DeclaredNode[] {
  const inUse = new Set(hosts.map(({ place }) => place))
  const wanted = new Set(graph.flatMap(({ placement }) => Object.keys(placement.require?.labels ?? {})))
  const decided = new Set(graph.flatMap(({ placement }) => placement.node ?? placement.zone ?? []))
  const isDecided = ({ name, zone = '' }: DeclaredNode) => decided.has(name) || decided.has(zone)
  return nodes
    .filter(node => inUse.has(node.name) || before[node.name] || isDecided(node))
    .map(({ labels = {}, ...rest }) => {
      const kept = Object.entries(labels).filter(([label]) => wanted.has(label))
      return { ...rest, ...(kept.length > 0 && { labels: Object.fromEntries(kept) }) }
    })
}

function tellRefuges(
  { name: flow, refuges = {} }: Inventory,
  before: Refuges,
  returned: Record<string, string>,
  { emit, log }: Context,
): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(refuges)])) {
    const [now, old] = [refuges[name], before[name]]
    if (now === old || (now && old && isSame(now, old))) continue
    const to = now ? placeText(now) : 'where it is decided to be'
    const why = returned[name] ? `; ${returned[name]}` : ''
    const reason = now ? (now.stays?.says ?? now.reason) : `no more: ${old!.reason}${why}`
    log.warn({ flow, function: name, to, reason }, now?.stays ? stayMessage : 'a function goes elsewhere')
    emit({ type: 'relocated', flow, function: name, to, reason, ...(now?.stays && { stays: true }) })
  }
}

const stayMessage = 'a function stays elsewhere'

/** In the same place for the same reason; what that costs may have changed. */
const isSame = (a: Refuge, b: Refuge) =>
  placeText(a) === placeText(b) && a.kind === b.kind && (a.stays === undefined) === (b.stays === undefined)

/** What nobody has decided goes without a word in its placement. */
function tellLost(
  flow: Flow,
  { outages = {}, refuges }: Inventory,
  before: OutageRecord,
  { hosts, nodes }: Observed,
  { emit }: Context,
): void {
  for (const [name, outage] of Object.entries(outages)) {
    if (!outage.counts || before[name]?.counts || !isLost(outage)) continue
    for (const node of flow.nodes) {
      const isThere = hosts.some(host => host.node === node.name && host.place === name)
      const isOpen = (each: DeclaredNode) => !outages[each.name]?.counts && mayRunOn(node, each)
      if (!isThere || refugeOf(node, refuges) || !nodes.some(isOpen)) continue
      emit({
        type: 'relocated',
        flow: flow.name,
        function: node.name,
        to: 'another node',
        reason: outage.says,
      })
    }
  }
}
