import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { Flow, Node } from '../../schema/flow.ts'
import { roundTripMs } from '../../schema/round-trip.ts'
import type { ObservedHost } from '../orchestrator/orchestrator.ts'
import type { Override } from '../overrides.ts'
import { mayRunOn } from '../place.ts'
import { preferenceFor, undecided } from './refuge.ts'

/** What a refuge is looked for in. */
export interface Surroundings {
  /** As it is to run now. */
  flow: Flow
  /** All that there are. */
  nodes: readonly DeclaredNode[]
  /** Those that take something new. */
  open: readonly DeclaredNode[]
  hosts: readonly ObservedHost[]
}

/** Where those that share a place can go: what they require holds, and so does what they are to be near to, apart from, and
 *  what their resources ask for; of such places the one that they prefer, else the nearest. Pure.
 *  @returns undefined where there is none */
export function chooseRefuge(
  sharers: readonly Node[],
  world: Surroundings,
): { node: DeclaredNode; to: Pick<Override, 'zone' | 'node'> } | undefined {
  const { nodes, open, hosts } = world
  const { zone: from, node: own } = sharers[0]!.placement
  const home =
    nodes.find(({ name, zone }) =>
      own === undefined ? from !== undefined && zone === from : name === own,
    ) ?? placesIn(world, sharers[0]!.name)[0]
  const score = (node: DeclaredNode) => preferenceFor(sharers, node.zone)
  const away = (node: DeclaredNode) => (home && roundTripMs(home, node)) ?? Number.POSITIVE_INFINITY
  const load = ({ name }: DeclaredNode) => hosts.filter(({ place }) => place === name).length
  const [best] = open
    .filter(node => mayTake(node, sharers, world))
    .toSorted(
      (a, b) =>
        score(b) - score(a) || compare(away(a), away(b)) || load(a) - load(b) || (a.name < b.name ? -1 : 1),
    )
  if (!best) return undefined
  const isBeside = home?.zone !== undefined && best.zone === home.zone
  const to = best.zone === undefined || isBeside ? { node: best.name } : { zone: best.zone }
  return { node: best, to }
}

function mayTake(node: DeclaredNode, sharers: readonly Node[], world: Surroundings): boolean {
  const names = sharers.map(({ name }) => name)
  const others = world.flow.nodes.filter(({ name }) => !names.includes(name))
  const fits = (each: Node) => mayRunOn({ placement: undecided(each.placement) }, node)
  const isApart = (other: Node) =>
    !sharers.some(({ placement }) => placement.apart?.includes(other.name)) &&
    !other.placement.apart?.some(name => names.includes(name))
  const placesOf = ({ name }: Node) => placesIn(world, name)
  const isNear = (other: Node) => {
    const own = sharers.flatMap(({ placement }) => placement.near ?? [])
    const limits = [
      ...own.filter(near => near.function === other.name),
      ...(other.placement.near ?? []).filter(near => names.includes(near.function)),
    ]
    // Unknown counts as near: a rule is broken only by what is known.
    return limits.every(({ maxRttMs }) =>
      placesOf(other).every(place => (roundTripMs(node, place) ?? 0) <= maxRttMs),
    )
  }
  return (
    sharers.every(fits) &&
    others.every(other => (isApart(other) || !placesOf(other).includes(node)) && isNear(other)) &&
    hasRoom(node, sharers, world)
  )
}

/** Where hosts of it are that do not go. */
const placesIn = ({ hosts, nodes }: Surroundings, name: string) =>
  nodes.filter(node =>
    hosts.some(host => host.node === name && host.place === node.name && host.phase !== 'stopping'),
  )

/** By what is asked for: what nobody has said of a node, or of a function, is no limit. */
function hasRoom(
  { name, cpu, memory }: DeclaredNode,
  sharers: readonly Node[],
  { flow, hosts }: Surroundings,
) {
  const there = hosts.filter(({ place, phase }) => place === name && phase !== 'stopping')
  const own = sharers.map(({ name }) => name)
  const asked = [
    ...there
      .filter(({ node }) => !own.includes(node))
      .map(({ node }) => flow.nodes.find(each => each.name === node)),
    ...sharers,
  ].map(node => (node?.kind === 'function' ? node.resources : {}))
  const sum = (of: 'cpuMillis' | 'memoryBytes') => asked.reduce((all, each) => all + (each[of] ?? 0), 0)
  return (
    (cpu === undefined || sum('cpuMillis') <= cpu) && (memory === undefined || sum('memoryBytes') <= memory)
  )
}

const compare = (a: number, b: number) => (a === b ? 0 : a < b ? -1 : 1)
