import type { DeclaredNode } from '../schema/declared-node.ts'
import { roundTripMs } from '../schema/round-trip.ts'
import type { Desired } from './desired.ts'
import type { Workload } from './orchestrator/orchestrator.ts'
import { mayRunOn, place } from './place.ts'
import type { Observed } from './plan.ts'

/** Workloads that share a place, or one alone. */
interface Unit {
  workloads: Workload[]
  /** Nodes that all of them may run on. */
  nodes: DeclaredNode[]
}

/** How much farther than a `near` allows something may be that is there already: round trips go up and down. */
const slack = 1.5

/** What `with`, `apart` and `near` leave of the nodes, where no scheduler sees to it: as `within` of each workload
 *  that they are about. What runs where it may stays there. Pure. */
export function settle(desired: Desired, observed: Observed): Desired {
  if (observed.schedules || boundOf(desired).size === 0) return desired
  const settlement = new Settlement(desired, observed)
  const within = settlement.within()
  if (within.size === 0) return desired
  const workloads = desired.workloads.map(workload => {
    const { within: _, ...rest } = workload
    const nodes = within.get(workload.node)
    return nodes ? { ...rest, within: nodes.map(({ name }) => name) } : rest
  })
  const unheeded = [...new Set([...(desired.unheeded ?? []), ...settlement.unheeded])]
  return { ...desired, workloads, ...(unheeded.length > 0 && { unheeded }) }
}

/** Workloads of which one is with, near or apart from another: nobody looks for a place of the others. */
const boundOf = ({ workloads }: Pick<Desired, 'workloads'>) =>
  new Set(
    workloads.flatMap(({ node, placement }) => {
      const near = placement.near?.map(({ function: other }) => other) ?? []
      const others = [...near, ...(placement.apart ?? []), ...(placement.with ?? [])]
      return others.length > 0 ? [node, ...others] : []
    }),
  )

class Settlement {
  readonly unheeded: string[] = []
  readonly #observed: Observed
  readonly #units: Unit[]
  /** By workload. */
  readonly #unitOf = new Map<string, Unit>()
  readonly #hostsOn = new Map<string, number>()
  /** Of units that are done: where they run, or will. */
  readonly #places = new Map<Unit, DeclaredNode[]>()

  constructor({ workloads }: Desired, observed: Observed) {
    this.#observed = observed
    for (const { place } of observed.hosts) this.#hostsOn.set(place, (this.#hostsOn.get(place) ?? 0) + 1)
    const bound = boundOf({ workloads })
    for (const workload of workloads) {
      if (!bound.has(workload.node) || this.#unitOf.has(workload.node)) continue
      const names = [workload.node, ...(workload.placement.with ?? [])]
      const own = workloads.filter(({ node }) => names.includes(node))
      const free = own.map(({ within: _, ...workload }) => workload)
      const nodes = observed.nodes.filter(node => free.every(workload => mayRunOn(workload, node)))
      const unit = { workloads: free, nodes }
      for (const { node } of own) this.#unitOf.set(node, unit)
    }
    // Who has least to choose from chooses first.
    this.#units = [...new Set(this.#unitOf.values())].toSorted((a, b) => a.nodes.length - b.nodes.length)
  }

  /** By workload; those that nothing is said of are left out. */
  within(): Map<string, DeclaredNode[]> {
    const within = new Map<string, DeclaredNode[]>()
    for (const unit of this.#units) {
      const rivals = this.#rivalsOf(unit)
      const isBound =
        unit.workloads.some(({ placement }) => placement.with || placement.near) || rivals.length > 0
      const left = this.#near(unit, this.#apart(unit, rivals))
      const chosen = unit.workloads.length > 1 ? this.#one(unit, left) : this.#some(unit, left, rivals)
      this.#places.set(unit, chosen)
      if (!isBound) continue
      const isShared = unit.workloads.some(({ placement }) => placement.with)
      const kept = isShared || rivals.length > 0 ? this.#allowed(unit, left, chosen, rivals) : left
      for (const { node } of unit.workloads) within.set(node, isShared ? chosen : kept)
    }
    return within
  }

  /** Where hosts of it are, but for those that go. */
  #now({ workloads }: Unit): DeclaredNode[] {
    const names = workloads.map(({ node }) => node)
    const hosts = this.#observed.hosts.filter(
      ({ node, phase }) => names.includes(node) && phase !== 'stopping',
    )
    const newest = (node: string) =>
      Math.max(...hosts.filter(host => host.node === node).map(({ generation }) => generation))
    const places = hosts.filter(host => host.generation === newest(host.node)).map(({ place }) => place)
    const count = (name: string) => places.filter(place => place === name).length
    return this.#observed.nodes
      .filter(({ name }) => count(name) > 0)
      .toSorted((a, b) => count(b.name) - count(a.name))
  }

  /** Units that it must be apart from, whoever says so. */
  #rivalsOf(unit: Unit): Unit[] {
    const names = unit.workloads.map(({ node }) => node)
    const own = unit.workloads.flatMap(({ placement }) => placement.apart ?? [])
    const others = this.#units.filter(({ workloads }) =>
      workloads.some(
        ({ node, placement }) => own.includes(node) || placement.apart?.some(name => names.includes(name)),
      ),
    )
    return others.filter(other => other !== unit)
  }

  #apart(unit: Unit, rivals: Unit[]): DeclaredNode[] {
    const taken = new Set(rivals.flatMap(rival => this.#places.get(rival) ?? []))
    const left = unit.nodes.filter(node => !taken.has(node))
    if (left.length > 0 || unit.nodes.length === 0) return left
    const names = rivals
      .filter(rival => this.#places.has(rival))
      .flatMap(rival => rival.workloads.map(({ node }) => node))
    this.unheeded.push(
      `${nameOf(unit)}: apart from ${names.join(', ')} is not held: there is no other node for it`,
    )
    return unit.nodes
  }

  #near(unit: Unit, nodes: DeclaredNode[]): DeclaredNode[] {
    let left = nodes
    const now = this.#now(unit)
    for (const { node: name, placement } of unit.workloads) {
      for (const { function: other, maxRttMs } of placement.near ?? []) {
        const target = this.#unitOf.get(other)
        if (!target || target === unit) continue
        const places = this.#places.get(target) ?? this.#now(target)
        if (places.length === 0) continue
        const tripsOf = (node: DeclaredNode) => places.map(place => roundTripMs(node, place))
        const isNear = (node: DeclaredNode) =>
          tripsOf(node).every(ms => ms === undefined || ms <= maxRttMs * (now.includes(node) ? slack : 1))
        const near = left.filter(isNear)
        const what = `${name}: near ${other} within ${maxRttMs} ms`
        if (near.length === 0 && left.length > 0)
          this.unheeded.push(`${what} is not held: no node for it is that near`)
        else if ((now.length > 0 ? now : near).some(node => tripsOf(node).includes(undefined)))
          this.unheeded.push(`${what} is not known to hold: nobody has measured that round trip`)
        if (near.length > 0) left = near
      }
    }
    return left
  }

  /** One node for all of them: where most of them are, as long as they may be there. */
  #one(unit: Unit, left: DeclaredNode[]): DeclaredNode[] {
    const stays = this.#now(unit).find(node => left.includes(node))
    return stays ? [stays] : this.#pick(unit, left)
  }

  /** Where it is, or as many new places as it needs that leave one for each of its rivals. */
  #some(unit: Unit, left: DeclaredNode[], rivals: Unit[]): DeclaredNode[] {
    const now = this.#now(unit)
    if (now.length > 0 && now.every(node => left.includes(node))) return now
    const hostsOn = new Map(this.#hostsOn)
    const chosen = new Set<DeclaredNode>()
    const [{ placement, replicas }] = unit.workloads as [Workload]
    for (let replica = 0; replica < replicas; replica++) {
      const name = place({ placement }, left, hostsOn)
      const node = left.find(each => each.name === name)
      if (!node) break
      hostsOn.set(node.name, (hostsOn.get(node.name) ?? 0) + 1)
      const all = [...chosen, node]
      const leavesRoom = rivals.every(
        rival => this.#places.has(rival) || rival.nodes.some(other => !all.includes(other)),
      )
      if (leavesRoom || chosen.size === 0) chosen.add(node)
    }
    return [...chosen]
  }

  #pick(unit: Unit, left: DeclaredNode[]): DeclaredNode[] {
    const prefer = unit.workloads.flatMap(({ placement }) => placement.prefer ?? [])
    const name = place({ placement: { prefer } }, left, this.#hostsOn)
    return left.filter(node => node.name === name)
  }

  /** Room to grow, but for where a rival is now. */
  #allowed(unit: Unit, left: DeclaredNode[], chosen: DeclaredNode[], rivals: Unit[]): DeclaredNode[] {
    const now = this.#now(unit)
    if (now.length === 0 || !now.every(node => left.includes(node))) return chosen
    const theirs = new Set(rivals.flatMap(rival => this.#places.get(rival) ?? this.#now(rival)))
    const free = left.filter(node => !theirs.has(node) || now.includes(node))
    return free.length > 0 ? free : chosen
  }
}

const nameOf = ({ workloads }: Unit) => workloads.map(({ node }) => node).join(', ')
