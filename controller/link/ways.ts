import type { DeclaredLink } from '../../schema/declared-link.ts'
import type { DeclaredNode } from '../../schema/declared-node.ts'
import { Problem } from '../../schema/problem.ts'
import { withoutCredentials } from '../broker/broker-client.ts'

/** How hosts of a zone reach a broker in another one. */
export interface Way {
  from: string
  to: string
  /** Zone whose broker it is; empty: the dataflow's own. */
  name: string
  /** `mqtt://host:port` */
  broker: string
  /** On the loopback address, where the link listens. */
  port?: number
}

export interface PlacedBroker {
  /** Zone whose broker it is; empty: the dataflow's own. */
  name: string
  url: string
  zone: string
}

/** One way from each end of a link to each broker at its other end. Pure. */
export const waysOf = (links: readonly DeclaredLink[], brokers: readonly PlacedBroker[]): Way[] =>
  links.flatMap(({ zones: [a, b] }) =>
    [
      [a, b],
      [b, a],
    ].flatMap(([from, to]) =>
      brokers
        .filter(({ zone }) => zone === to)
        .map(({ name, url }) => ({ from: from!, to: to!, name, broker: withoutCredentials(url) })),
    ),
  )

interface Declared {
  nodes?: readonly DeclaredNode[]
  links?: readonly DeclaredLink[]
  /** Of the dataflow's own broker. */
  brokerZone?: string
  /** Its URL, if it is not ours. */
  broker?: string
  /** By zone: that of its broker. */
  zoneBrokers?: Readonly<Record<string, string>>
}

/** @throws Problem where zones or links can't be as declared */
export function checkZones({ nodes, links = [], brokerZone, broker, zoneBrokers = {} }: Declared): void {
  if (!nodes) {
    if (links.length === 0 && brokerZone === undefined) return
    throw bad('zones are named, but no node is declared', 'Declare some: --node edge-1 --node cloud.')
  }
  const zones = [...new Set(nodes.map(({ name, zone }) => zone ?? name))]
  const check = (zone: string, what: string) => {
    if (!zones.includes(zone))
      throw bad(`${what}: no node is in zone ${zone}`, `There are ${zones.join(', ')}.`)
  }
  const names = new Set<string>()
  for (const { name } of nodes) {
    if (names.has(name)) throw bad(`the node ${name} is declared twice`, 'Give each a name of its own.')
    names.add(name)
  }
  if (brokerZone !== undefined) check(brokerZone, 'the zone of the broker')
  const pairs = new Set<string>()
  for (const { zones: ends } of links) {
    const text = ends.join('~')
    for (const zone of ends) check(zone, `link ${text}`)
    const pair = ends.toSorted().join('~')
    if (ends[0] === ends[1]) throw bad(`link ${text} leads nowhere`, 'Name two zones.')
    if (pairs.has(pair)) throw bad(`link ${text} is declared twice`, 'It holds for both directions.')
    pairs.add(pair)
  }
  if (links.length > 0 && [broker, ...Object.values(zoneBrokers)].some(url => url?.startsWith('mqtts:')))
    throw bad('no link leads to a broker with TLS: its certificate is not of this machine', 'Use mqtt://.')
  if (links.length > 0 && brokerZone === undefined)
    throw bad(
      'nothing tells in which zone the broker is',
      `Say so: --broker-zone, with one of ${zones.join(', ')}.`,
    )
}

/** Nodes that know how far other zones are. */
export const withRoundTrips = (
  nodes: readonly DeclaredNode[],
  links: readonly DeclaredLink[],
): DeclaredNode[] =>
  nodes.map(node => {
    const trips = links.flatMap(({ zones, rttMs }) => {
      const other = zones.find(zone => zone !== (node.zone ?? node.name))
      return zones.includes(node.zone ?? node.name) ? [[other, rttMs] as const] : []
    })
    return trips.length === 0 ? node : { ...node, rttMs: { ...Object.fromEntries(trips), ...node.rttMs } }
  })

const bad = (message: string, hint: string) =>
  new Problem('BadZones', message, { disposition: 'stalled', hint })
