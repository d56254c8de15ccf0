import type { Flow } from '../../../schema/flow.ts'
import type { NodeState } from '../../orchestrator/orchestrator.ts'
import type { TelemetryFile } from '../../telemetry/file.ts'
import { snapshotOf } from '../../telemetry/snapshot.ts'
import type { Window } from '../../telemetry/window.ts'
import type { Situation } from '../advice.ts'
import { defaultTariff, type Instance, type Node } from '../instance.ts'
import { buckets } from './buckets.ts'
import { currentOf, itemsOf } from './items.ts'
import { movedIn } from './moved.ts'
import { networkOf, zoneOf } from './network.ts'
import { goalOf, pricePerHour } from './prices.ts'
import { brokersOf, edgesOf, pathsOf } from './traffic.ts'

const dayMs = 86_400_000
/** Of a node that tells no capacity: more than any dataflow takes. */
const [unknownMillis, unknownBytes] = [1_000_000, 2 ** 50]

/**
 * What advice rests on, from a file of telemetry and the dataflow that it is of. The same file, the same situation. Pure.
 *
 * @param brokerZones zone of each broker that is known to be there, by URL
 * @throws Problem where it can't be told where a broker is
 */
export function situationOf(
  file: TelemetryFile,
  flow: Flow,
  brokerZones: Readonly<Record<string, string>> = {},
): Situation {
  const whole = snapshotOf(file)
  const network = networkOf(whole, brokersOf(flow, whole.broker), brokerZones)
  const { zones, brokers, links, inferred } = network
  const items = itemsOf(flow, whole)
  const { movesPerDay, costPerDay, prices = {} } = flow.budget ?? {}
  const instanceOf = (windows: Window[], isMeasured: boolean): Instance => {
    const edges = edgesOf(flow, snapshotOf({ header: file.header, windows }), isMeasured)
    const known = links.filter(({ from, to }) => !isMeasured || !inferred.has(`${from}.${to}`))
    return {
      zones,
      nodes: whole.nodes.map(node => nodeOf(node, pricePerHour(prices, node))),
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
      tariff: defaultTariff,
      budget: costPerDay === undefined ? {} : { moneyPerHour: costPerDay / 24 },
    }
  }
  const spans = buckets(file.windows)
  const measured = spans.map(window => instanceOf([window], true))
  return {
    mean: instanceOf(file.windows, false),
    windows: spans.map(window => instanceOf([window], false)),
    starts: spans.map(({ start }) => start),
    measured,
    current: currentOf(items),
    moved: movedIn(file.windows.filter(({ start }) => start > whole.at - dayMs)),
    ...(movesPerDay !== undefined && { movesPerDay }),
    newest: Math.max(0, ...file.windows.map(({ start, lengthMs }) => start + lengthMs)),
    now: whole.at,
  }
}

const nodeOf = (node: NodeState, price: number): Node => {
  const { cpuMillis = unknownMillis, memoryBytes = unknownBytes } = node.allocatable ?? node.capacity ?? {}
  return {
    name: node.name,
    zone: zoneOf(node),
    cpuMillis,
    memoryBytes,
    arch: node.arch ?? 'unknown',
    labels: node.labels,
    pricePerHour: price,
  }
}
