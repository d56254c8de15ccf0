import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { Observed } from '../plan.ts'
import { Contacts } from './contacts.ts'
import { isRecent, type OutageRecord, Outages } from './outages.ts'
import { Shelter } from './shelter.ts'

/** What is known, from pass to pass, of nodes that can't be used. */
export class Adaptation {
  readonly contacts = new Contacts()
  readonly outages = new Outages()
  readonly shelter = new Shelter()
  #nodes: DeclaredNode[] = []

  /** @returns nodes that there are, and those that there were and something is, or was of late, on */
  know(
    { nodes, hosts }: Pick<Observed, 'nodes' | 'hosts'>,
    outages: OutageRecord = {},
    now: Date,
  ): DeclaredNode[] {
    const there = new Set(nodes.map(({ name }) => name))
    const inUse = new Set(hosts.map(({ place }) => place))
    const before = this.#nodes.filter(({ name }) => inUse.has(name))
    const left = Object.values(outages).filter(({ spells }) => spells.some(at => isRecent(at, now)))
    const gone = new Map(
      [...left.map(({ node }) => node), ...before]
        .filter(({ name }) => !there.has(name))
        .map(node => [node.name, node]),
    )
    this.#nodes = [...nodes, ...gone.values()]
    return this.#nodes
  }
}

/** For what is checked against the nodes: one that is gone for a while is no mistake of a file. */
export const withLost = (nodes: DeclaredNode[], outages: OutageRecord = {}): DeclaredNode[] => [
  ...nodes,
  ...Object.values(outages)
    .filter(({ counts, node }) => counts && !nodes.some(({ name }) => name === node.name))
    .map(({ node }) => node),
]
