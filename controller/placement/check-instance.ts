import { Problem } from '../../schema/problem.ts'
import type { Instance } from './instance.ts'

/**
 * Refuses what no answer could be trusted for: numbers that are negative or not finite, names that are not there or
 * not unique, zones without a link. @throws Problem
 */
export function checkInstance(instance: Instance): void {
  const { zones, nodes, links, brokers, items, edges, paths, goal, tariff, budget } = instance
  const zoneNames = unique(zones, 'zone', ({ name }) => name)
  const nodeNames = unique(nodes, 'node', ({ name }) => name)
  const brokerNames = unique(brokers, 'broker', ({ name }) => name)
  const itemNames = unique(items, 'item', ({ name }) => name)
  const edgeIds = unique(edges, 'edge', ({ id }) => id)
  unique(paths, 'path', ({ id }) => id)
  unique(links, 'link', ({ from, to }) => `${from} → ${to}`)
  if (items.length > 0 && nodes.length === 0)
    refuse('there is no node', 'Add a node, or wait for one to report.')

  for (const zone of zones) measured(`zone ${zone.name}`, { rttMs: zone.rttMs })
  for (const { name, zone, cpuMillis, memoryBytes, pricePerHour } of nodes) {
    named(zoneNames, zone, `node ${name}`)
    measured(`node ${name}`, { cpuMillis, memoryBytes, pricePerHour })
  }
  const linked = new Set<string>()
  for (const { from, to, ...figures } of links) {
    for (const zone of [from, to]) named(zoneNames, zone, `the link ${from} → ${to}`)
    if (from === to)
      refuse(`the link ${from} → ${to} leads nowhere`, 'Give its round trip as that of the zone.')
    measured(`the link ${from} → ${to}`, figures)
    linked.add(`${from}\n${to}`).add(`${to}\n${from}`)
  }
  for (const from of zoneNames)
    for (const to of zoneNames)
      if (from !== to && !linked.has(`${from}\n${to}`))
        refuse(`no link from ${from} to ${to} is known`, 'Measure it, or infer it from others.')
  for (const { name, place } of brokers)
    if ('zone' in place) named(zoneNames, place.zone, `broker ${name}`)
    else named(nodeNames, place.node, `broker ${name}`)
  if (instance.carriers) {
    for (const zone of instance.carriers.zones) named(zoneNames, zone, 'what carries edges')
    named(brokerNames, instance.carriers.otherwise, 'what carries edges')
  }
  for (const item of items) {
    const { name, hosts, cpuMillis, memoryBytes, handlerMs, stateBytes, near, apart, with: same } = item
    measured(`item ${name}`, { hosts, cpuMillis, memoryBytes, handlerMs, stateBytes })
    for (const { item: other, maxRttMs } of near ?? []) {
      named(itemNames, other, `near of ${name}`)
      measured(`near of ${name}`, { maxRttMs })
    }
    for (const other of [...(apart ?? []), ...(same ?? [])]) {
      named(itemNames, other, `what ${name} is to be apart from or with`)
      if (other === name) refuse(`${name} is to be apart from or with itself`, 'Name another item.')
    }
    for (const { weight } of item.prefer ?? []) measured(`prefer of ${name}`, { weight })
    if (item.current) named(zoneNames, item.current.zone, `where ${name} is now`)
  }
  for (const { id, from, to, via, recordsPerSecond, bytesPerSecond } of edges) {
    for (const end of [from, to]) if (end !== undefined) named(itemNames, end, `edge ${id}`)
    if (from !== undefined && from === to) refuse(`edge ${id} leads from ${from} to itself`, 'Leave it out.')
    if (via !== undefined) named(brokerNames, via, `edge ${id}`)
    else if (from === undefined || to === undefined)
      refuse(`edge ${id} has an end outside and no broker`, 'Name the broker as `via`.')
    measured(`edge ${id}`, { recordsPerSecond, bytesPerSecond })
  }
  for (const path of paths) {
    for (const id of path.edges) named(edgeIds, id, `path ${path.id}`)
    measured(`path ${path.id}`, { boundMs: path.boundMs })
  }
  measured('goal', { ...goal })
  measured('tariff', { ...tariff })
  measured('budget', { ...budget })
  if (tariff.horizonHours === 0) refuse('the horizon is 0 hours', 'Give it some time.')
}

function unique<T>(values: readonly T[], what: string, nameOf: (value: T) => string): Set<string> {
  const names = new Set<string>()
  for (const value of values) {
    const name = nameOf(value)
    if (names.has(name)) refuse(`${what} ${name} is there twice`, 'Leave one of them out.')
    names.add(name)
  }
  return names
}

function named(names: ReadonlySet<string>, name: string, where: string) {
  if (!names.has(name))
    refuse(`${where} names ${name}, which is not there`, 'Correct the name, or leave it out.')
}

function measured(what: string, figures: Record<string, number | undefined>) {
  for (const [name, value] of Object.entries(figures))
    if (value !== undefined && !(Number.isFinite(value) && value >= 0))
      refuse(
        `${name} of ${what} is ${value}`,
        'It is a number from 0 on; leave out the figure, or measure again.',
      )
}

function refuse(message: string, hint: string): never {
  throw new Problem('PlacementInstanceInvalid', message, { hint })
}
