import type { Node } from '../../schema/flow.ts'
import { listed } from '../../schema/suggest.ts'
import type { ObservedHost } from '../orchestrator/orchestrator.ts'
import { placeText } from '../overrides.ts'
import { chooseRefuge } from './choice.ts'
import { type Cause, Home, type Premises } from './home.ts'
import type { Clock } from './outages.ts'
import { type Reckon, Reckoned } from './reckoned.ts'
import { isInstead, type Refuge, type Refuges, sharersOf } from './refuge.ts'
import type { AdaptationSettings } from './settings.ts'
import { isLost } from './trouble.ts'

export interface Sheltered {
  refuges: Refuges
  /** By name of those that go back: why, where there is more to say than that they can. */
  returned: Record<string, string>
  /** What can be nowhere now, for people. */
  unheeded: string[]
}

/** Finds another place for what can't be where it is decided, and ends that once it can. Nothing else moves. */
export class Shelter {
  /** When something left a node that is short of something last, or came back to it. */
  #shiftedMs = Number.NEGATIVE_INFINITY
  #reckoned = new Reckoned()

  /** @param reckon absent: who can goes back */
  look(
    premises: Premises,
    before: Refuges,
    { nowMs, now }: Clock,
    { fullAfterMs, healAfterMs }: Pick<AdaptationSettings, 'fullAfterMs' | 'healAfterMs'>,
    reckon?: Reckon,
  ): Sheltered {
    if (isQuiet(premises, before)) return { refuges: {}, returned: {}, unheeded: [] }
    const { flow, nodes, outages, troubles } = premises
    const open = nodes.filter(({ name }) => !outages[name]?.counts && !troubles.has(name))
    // What is lost is nowhere until it has another place.
    let hosts = premises.hosts.map(host => {
      const outage = outages[host.place]
      return outage?.counts && isLost(outage) ? { ...host, place: '' } : host
    })
    const refuges: Refuges = {}
    const returned: Record<string, string> = {}
    const unheeded: string[] = []
    const groups = largestFirst(sharersOf(flow), premises.hosts).map(sharers => {
      const { placement } = sharers[0]!
      const old = sharers
        .map(({ name }) => before[name])
        .find(refuge => refuge && isInstead(refuge, placement))
      const home = new Home(sharers, premises)
      return { sharers, placement, home, old: old && home.isRefuge(old) ? old : undefined }
    })
    const exiles = groups
      .filter(({ home, old }) => old && home.isOpenAgain(old) && !home.isWanted(old))
      .map(({ home }) => home.exile)
    if (reckon) this.#reckoned.look(exiles, reckon, nowMs, Math.max(healAfterMs, leastReckonMs))
    for (const { sharers, placement, home, old } of groups) {
      const names = sharers.map(({ name }) => name)
      const name = names[0]!
      const mayShift = nowMs - this.#shiftedMs >= fullAfterMs
      if (old) {
        if (!home.isOpenAgain(old)) refuges[name] = displacedBy(home.cause(false), old)
        else if (old.kind === 'full' && !mayShift) refuges[name] = old
        else {
          const found = home.isWanted(old) ? { goes: '' } : this.#reckoned.of(name, old, nowMs)
          if ('stay' in found) refuges[name] = found.stay === old.stays ? old : { ...old, stays: found.stay }
          else {
            returned[name] = found.goes
            if (old.kind === 'full') this.#shiftedMs = nowMs
          }
        }
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
    return { refuges, returned, unheeded }
  }
}

/** However short a node has to be well. */
const leastReckonMs = 1_000

/** It can't go back, whether that would pay or not; what keeps it away may be something else by now. */
function displacedBy(cause: Cause | undefined, old: Refuge): Refuge {
  if (!old.stays && (!cause || cause.kind === old.kind)) return old
  const { stays: _, ...rest } = old
  return cause && cause.left === undefined ? { ...rest, kind: cause.kind, reason: cause.says } : rest
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
