import type { Flow } from '../../../schema/flow.ts'
import { Problem } from '../../../schema/problem.ts'
import type { TelemetryFile } from '../../telemetry/file.ts'
import type { NodeFigures } from '../../telemetry/node-figures.ts'
import { type Snapshot, snapshotOf } from '../../telemetry/snapshot.ts'
import type { Window } from '../../telemetry/window.ts'
import type { Situation } from '../advice.ts'
import { defaultTariff, type Instance, type Node } from '../instance.ts'
import { buckets } from './buckets.ts'
import { currentOf, itemsOf } from './items.ts'
import { movedIn } from './moved.ts'
import { networkOf, zoneOf } from './network.ts'
import { goalOf, pricePerHour } from './prices.ts'
import { brokersOf, edgesOf, pathsOf } from './traffic.ts'
import { withUsableNodes } from './usable.ts'

const dayMs = 86_400_000
/** Of a node that tells no capacity: more than any dataflow takes. */
const [unknownMillis, unknownBytes] = [1_000_000, 2 ** 50]

/**
 * What advice rests on, from a file of telemetry and the dataflow that it is of. The same file, the same situation. Pure.
 *
 * @param brokerZones zone of each broker that is known to be there, by URL; an empty one is the dataflow's own
 * @param options.horizonHours over how long a move has to pay
 * @throws Problem where nothing was measured, it can't be told where a broker is, or something runs nowhere
 */
export function situationOf(
  file: TelemetryFile,
  flow: Flow,
  brokerZones: Readonly<Record<string, string>> = {},
  { horizonHours = defaultTariff.horizonHours }: { horizonHours?: number } = {},
): Situation {
  const spans = buckets(file.windows)
  if (spans.length === 0) throw unmeasured(flow.name)
  const whole = withUsableNodes(snapshotOf(file))
  const { '': own = file.header.brokerZone, ...others } = brokerZones
  const declared = file.header.links
  const network = networkOf(
    whole,
    brokersOf(flow, whole.broker),
    { ...(own !== undefined && { [whole.broker]: own }), ...others },
    declared,
  )
  const { zones, brokers, inferred } = network
  const places = Object.fromEntries(
    brokers.map(({ name, place }) => [name, 'zone' in place ? place.zone : '']),
  )
  /** As they were in some windows; where those tell nothing, as they are on the whole. */
  const linksIn = ({ roundTrips, zonePairs }: Snapshot) => {
    const then = networkOf({ ...whole, roundTrips, zonePairs }, Object.keys(places), places, declared)
    return network.links.map((link, i) =>
      then.inferred.has(`${link.from}.${link.to}`) ? link : { ...link, rttMs: then.links[i]!.rttMs },
    )
  }
  const items = itemsOf(flow, whole, file.header.homes)
  const { movesPerDay, costPerDay, prices = {} } = flow.budget ?? {}
  const nodes = whole.nodes.map(node => nodeOf(node, pricePerHour(prices, node)))
  const instanceOf = (windows: Window[], isMeasured: boolean): Instance => {
    const snapshot = snapshotOf({ header: file.header, windows })
    const edges = edgesOf(flow, snapshot, isMeasured)
    const links = linksIn(snapshot)
    const known = links.filter(({ from, to }) => !isMeasured || !inferred.has(`${from}.${to}`))
    return {
      zones,
      nodes,
      // A way of which nothing is known saves nothing.
      links: isMeasured ? links.map(link => (known.includes(link) ? link : { ...link, rttMs: 0 })) : links,
      brokers,
      ...(whole.zoneBrokers.length > 0 && {
        carriers: {
          zones: whole.zoneBrokers.filter(zone => zones.some(({ name }) => name === zone)),
          otherwise: whole.broker,
        },
      }),
      items,
      edges,
      paths: pathsOf(flow, edges),
      goal: goalOf(flow),
      tariff: { ...defaultTariff, horizonHours },
      budget: costPerDay === undefined ? {} : { moneyPerHour: costPerDay / 24 },
    }
  }
  const measured = spans.map(window => instanceOf([window], true))
  return {
    mean: instanceOf(file.windows, false),
    windows: spans.map(window => instanceOf([window], false)),
    starts: spans.map(({ start }) => start),
    inferred,
    measured,
    current: currentOf(items),
    moved: movedIn(file.windows.filter(({ start }) => start > whole.at - dayMs)),
    ...(movesPerDay !== undefined && { movesPerDay }),
    away: Object.keys(file.header.homes ?? {}),
    newest: Math.max(0, ...file.windows.map(({ start, lengthMs }) => start + lengthMs)),
    now: whole.at,
  }
}

const unmeasured = (flow: string) =>
  new Problem('TelemetryMissing', `nothing was measured of ${flow} yet`, {
    disposition: 'waiting',
    hint: 'Hosts tell every five seconds, once they run; `dyninka telemetry show` says what there is.',
  })

const nodeOf = (node: NodeFigures, price: number): Node => {
  const { cpuMillis = unknownMillis, memoryBytes = unknownBytes } = node.allocatable ?? node.capacity ?? {}
  /** What other programs take is not there for this dataflow; nobody who measures does not make it so. */
  const left = (all: number, key: 'cpuMillis' | 'memoryBytes') =>
    Math.max(0, all - (node.usage?.others[key].value ?? 0))
  return {
    name: node.name,
    zone: zoneOf(node),
    cpuMillis: left(cpuMillis, 'cpuMillis'),
    memoryBytes: left(memoryBytes, 'memoryBytes'),
    arch: node.arch ?? 'unknown',
    labels: node.labels,
    pricePerHour: price,
  }
}
