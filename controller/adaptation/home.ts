import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { Flow, Node } from '../../schema/flow.ts'
import type { ObservedHost } from '../orchestrator/orchestrator.ts'
import { placedAt, placeText } from '../overrides.ts'
import { mayRunOn } from '../place.ts'
import type { Exile } from './homecoming.ts'
import type { OutageRecord } from './outages.ts'
import { preferenceFor, type Refuge } from './refuge.ts'
import { isLost, type Troubles } from './trouble.ts'

export interface Premises {
  /** As it is decided: by its file, by a condition, or by hand. */
  flow: Flow
  /** Those that there are, and those that there were. */
  nodes: readonly DeclaredNode[]
  outages: OutageRecord
  /** As they are now. */
  troubles: Troubles
  hosts: readonly ObservedHost[]
  /** The orchestrator itself chooses among nodes that a decision leaves. */
  schedules: boolean
}

/** Why something can't be where it is decided. */
export interface Cause extends Pick<Refuge, 'kind' | 'left'> {
  says: string
}

/** Where those that share a place are to be. */
export class Home {
  readonly #sharers: readonly Node[]
  readonly #premises: Premises
  /** Where they may be as it is decided. */
  readonly #nodes: DeclaredNode[]

  constructor(sharers: readonly Node[], premises: Premises) {
    this.#sharers = sharers
    this.#premises = premises
    this.#nodes = premises.nodes.filter(node =>
      sharers.every(({ placement }) => mayRunOn({ placement }, node)),
    )
  }

  get #decision() {
    return this.#sharers[0]!.placement
  }

  /** @param mayLeave whether one may leave a node that is short of something @returns undefined where they can be here */
  cause(mayLeave: boolean): Cause | undefined {
    const { schedules } = this.#premises
    const { zone, node } = this.#decision
    const isDecided = zone !== undefined || node !== undefined
    const short = () => (mayLeave ? this.#shortage() : undefined)
    if (!isDecided) return schedules ? undefined : short()
    if (this.#nodes.length === 0)
      return {
        kind: 'lost',
        says: `there is no ${placeText(this.#decision)} any more that has what is required`,
      }
    if (this.#open.length > 0) return schedules ? undefined : short()
    const outages = this.#nodes.map(({ name }) => this.#outage(name)!)
    const living = outages.find(outage => !isLost(outage))
    if (living && this.#hosts.some(({ place }) => this.#isLivingHome(place))) return short()
    return {
      kind: (living ?? outages[0]!).kind,
      says: [...new Set(outages.map(({ says }) => says))].join(', '),
    }
  }

  /** A node on which they are, and which has too little for all that is there. */
  #shortage(): Cause | undefined {
    const { troubles } = this.#premises
    const isShort = (name: string) =>
      this.#outage(name)?.kind === 'full' && troubles.get(name)?.kind === 'full'
    const full = this.#hosts.find(({ place }) => isShort(place))
    return full && { kind: 'full', says: troubles.get(full.place)!.says, left: full.place }
  }

  /** Whether it can still be used. */
  isRefuge(refuge: Refuge): boolean {
    return this.#premises.nodes.some(
      node =>
        node.name !== refuge.left &&
        !isLost(this.#outage(node.name)) &&
        this.#sharers.every(({ placement }) => mayRunOn({ placement: placedAt(placement, refuge) }, node)),
    )
  }

  isOpenAgain({ left }: Refuge): boolean {
    return left === undefined ? this.#open.length > 0 : this.#outage(left) === undefined
  }

  /** Whether they go back as soon as they can, whatever that costs: there they are to stay or prefer to be, a person asks for
   *  it, or has given back what a person took away. What nobody has decided is back wherever it is. */
  isWanted({ kind, recalled, zone, node, instead }: Refuge): boolean {
    const isDecided = instead.zone !== undefined || instead.node !== undefined
    if (!isDecided || recalled || kind === 'drained' || kind === 'closed') return true
    if (this.#sharers.some(({ placement }) => placement.keep)) return true
    const refuge = zone ?? this.#premises.nodes.find(({ name }) => name === node)?.zone
    const preference = (zone: string | undefined) => preferenceFor(this.#sharers, zone)
    return this.#open.some(each => preference(each.zone) > preference(refuge))
  }

  /** Those that could go back now, to be asked whether that pays. */
  get exile(): Exile {
    const sharers = this.#sharers.map(({ name }) => name)
    return {
      name: sharers[0]!,
      sharers,
      homes: this.#open.map(({ name }) => name),
      home: placeText(this.#decision),
    }
  }

  get #open() {
    return this.#nodes.filter(({ name }) => this.#outage(name) === undefined)
  }

  #outage(node: string) {
    const { outages, troubles } = this.#premises
    if (outages[node]?.counts) return outages[node]
    const trouble = troubles.get(node)
    return trouble?.kind === 'closed' ? trouble : undefined
  }

  get #hosts() {
    const names = this.#sharers.map(({ name }) => name)
    return this.#premises.hosts.filter(({ node, phase }) => names.includes(node) && phase !== 'stopping')
  }

  #isLivingHome(place: string): boolean {
    return this.#nodes.some(({ name }) => name === place) && !isLost(this.#outage(place))
  }
}
