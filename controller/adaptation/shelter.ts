import type { Node } from '../../schema/flow.ts'
import { listed } from '../../schema/suggest.ts'
import type { ObservedHost } from '../orchestrator/orchestrator.ts'
import { placeText } from '../overrides.ts'
import { chooseRefuge } from './choice.ts'
import { type Cause, Home, type Premises } from './home.ts'
import type { Clock } from './outages.ts'
import { isInstead, type Refuge, type Refuges, sharersOf } from './refuge.ts'
import { isLost } from './trouble.ts'

export interface Sheltered {
  refuges: Refuges
  /** What can be nowhere now, for people. */
  unheeded: string[]
}

/** Finds another place for what can't be where it is decided, and ends that once it can. Nothing else moves. */
export class Shelter {
  /** When something left a node that is short of something last, or came back to it. */
  #shiftedMs = Number.NEGATIVE_INFINITY

  /** @param everyMs between two that leave a node that is short of something, or come back to it */
  look(premises: Premises, before: Refuges, { nowMs, now }: Clock, everyMs: number): Sheltered {
    if (isQuiet(premises, before)) return { refuges: {}, unheeded: [] }
    const { flow, nodes, outages, troubles } = premises
    const open = nodes.filter(({ name }) => !outages[name]?.counts && !troubles.has(name))
    // What is lost is nowhere until it has another place.
    let hosts = premises.hosts.map(host => {
      const outage = outages[host.place]
      return outage?.counts && isLost(outage) ? { ...host, place: '' } : host
    })
    const refuges: Refuges = {}
    const unheeded: string[] = []
    for (const sharers of largestFirst(sharersOf(flow), premises.hosts)) {
      const names = sharers.map(({ name }) => name)
      const { placement } = sharers[0]!
      const name = names[0]!
      const old = names.map(name => before[name]).find(refuge => refuge && isInstead(refuge, placement))
      const home = new Home(sharers, premises)
      const mayShift = nowMs - this.#shiftedMs >= everyMs
      if (old && home.isRefuge(old)) {
        const isOver = home.isOpenAgain(old) && (old.kind !== 'full' || mayShift)
        if (!isOver) refuges[name] = old
        else if (old.kind === 'full') this.#shiftedMs = nowMs
        continue
      }
      const cause = home.cause(mayShift)
      if (!cause) continue
      const isKept = sharers.some(({ placement }) => placement.keep)
      const chosen = isKept ? undefined : chooseRefuge(sharers, { flow, nodes, open, hosts })
      if (!chosen) {
        if (cause.left === undefined) unheeded.push(stuck(names, cause, isKept))
        continue
      }
      if (cause.kind === 'full') this.#shiftedMs = nowMs
      refuges[name] = refugeOf(placement, chosen.to, cause, now)
      hosts = hosts.map(host => (names.includes(host.node) ? { ...host, place: chosen.node.name } : host))
    }
    return { refuges, unheeded }
  }
}

/** Nothing is wrong, as nearly always, and a dataflow may be large. */
function isQuiet({ flow, nodes, outages, troubles }: Premises, before: Refuges): boolean {
  if (troubles.size > 0 || Object.keys(before).length > 0) return false
  if (Object.values(outages).some(({ counts }) => counts)) return false
  const there = new Set(nodes.flatMap(({ name, zone }) => [`node ${name}`, `zone ${zone}`]))
  return flow.nodes.every(
    ({ placement }) =>
      (placement.node === undefined && placement.zone === undefined) || there.has(placeText(placement)),
  )
}

const stuck = (names: string[], { says }: Cause, isKept: boolean) =>
  `${listed(names)}: ${says}, and ${isKept ? 'it is to stay there' : 'no other place has what it asks for'}`

function refugeOf(
  { zone, node }: Node['placement'],
  to: Pick<Refuge, 'zone' | 'node'>,
  { kind, says, left }: Cause,
  now: Date,
): Refuge {
  return {
    ...to,
    by: 'failure',
    kind,
    reason: says,
    at: now.toISOString(),
    instead: { ...(zone !== undefined && { zone }), ...(node !== undefined && { node }) },
    ...(left !== undefined && { left }),
  }
}

/** By the memory that they take, or ask for: of those that leave a node, the fewest do. */
function largestFirst(all: Node[][], hosts: readonly ObservedHost[]): Node[][] {
  const sizeOf = (sharers: Node[]) =>
    sharers.reduce((sum, node) => {
      const taken = hosts
        .filter(host => host.node === node.name)
        .map(({ residentBytes = 0 }) => residentBytes)
      const asked = node.kind === 'function' ? (node.resources.memoryBytes ?? 0) : 0
      return sum + Math.max(asked, ...taken)
    }, 0)
  const sizes = new Map(all.map(sharers => [sharers, sizeOf(sharers)]))
  return all.toSorted((a, b) => sizes.get(b)! - sizes.get(a)!)
}
