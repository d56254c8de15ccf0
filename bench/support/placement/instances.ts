import {
  defaultTariff,
  type Edge,
  type Instance,
  type Item,
  type Link,
  type Node,
} from '../../../controller/placement/instance.ts'
import { randomOf } from '../../../controller/placement/random.ts'
import { distances } from './cost266.ts'

export interface Size {
  items: number
  nodes: number
  /** Cities; one of them is the cloud. */
  zones: number
}

/** The largest data centre of the network, with the dearest way out. */
export const cloud = 'Frankfurt'

/**
 * A dataflow over cities of Europe, always the same for a seed. The network is real (see `cost266.ts`); the rest is made
 * by rules:
 *
 * - Zones: the cloud and the cities that are next to it or, by the seed, farther. A round trip takes 1 ms and 1 ms more
 *   for each 100 km of fibre; a GiB costs 0.01 and 0.02 for each 1,000 km, and 0.05 more out of the cloud.
 * - Nodes: a tenth of them 16 cores and 64 GiB in the cloud for 0.80 an hour, the rest 2 or 4 cores with 2 GiB each in
 *   the cities for 0.04 a core; of those a third is arm64.
 * - Items: a sixth are sources, tied to a city; a twelfth are sinks, half of them tied to a city. Each function reads one
 *   or two earlier ones, and passes on 5 to 110 % of the bytes. Needs are 50 to 800 millicores and 64 to 768 MiB.
 * - Every zone has a broker, and an edge goes through that of its producer.
 * - Some functions need amd64, some a preference, some may not share a node, some are to be near what they read.
 * - The way to each sink along the fattest edges has a bound of 40 ms. A tenth of the items run already, somewhere.
 */
export function benchInstance(
  { items: count, nodes: machines, zones: cities }: Size,
  seed: number,
): Instance {
  const random = randomOf(seed * 7919 + count)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const between = (low: number, high: number) => low + random() * (high - low)
  const km = distances()
  const others = [...km.keys()].filter(city => city !== cloud).map(city => ({ city, at: random() * 500 }))
  others.sort((a, b) => km.get(cloud)!.get(a.city)! + a.at - km.get(cloud)!.get(b.city)! - b.at)
  const zones = [cloud, ...others.slice(0, cities - 1).map(({ city }) => city)]
  const links = zones.flatMap(from =>
    zones
      .filter(to => to !== from)
      .map((to): Link => {
        const way = km.get(from)!.get(to)!
        const pricePerGiB = 0.01 + (0.02 * way) / 1000 + (from === cloud ? 0.05 : 0)
        return { from, to, rttMs: 1 + way / 100, pricePerGiB }
      }),
  )
  const inCloud = Math.max(2, Math.round(machines / 10))
  const nodes = Array.from({ length: machines }, (_, i): Node => {
    const cores = i < inCloud ? 16 : pick([2, 4])
    return {
      name: `node-${i}`,
      zone: i < inCloud ? cloud : zones[1 + ((i - inCloud) % (zones.length - 1))]!,
      cpuMillis: cores * 1000,
      memoryBytes: cores * (i < inCloud ? 4 : 2) * 2 ** 30,
      arch: i >= inCloud && random() < 1 / 3 ? 'arm64' : 'amd64',
      labels: {},
      pricePerHour: i < inCloud ? 0.8 : 0.04 * cores,
    }
  })

  const sources = Math.max(1, Math.round(count / 6))
  const sinks = Math.max(1, Math.round(count / 12))
  const kindOf = (i: number) => (i < sources ? 'source' : i >= count - sinks ? 'sink' : 'function')
  const edgeCities = zones.slice(1)
  const bytes = new Float64Array(count)
  const edges: Edge[] = []
  const fattest: (Edge | undefined)[] = []
  const items = Array.from({ length: count }, (_, i): Item => {
    const kind = kindOf(i)
    const name = `${kind}-${i}`
    const inputs = new Set<number>()
    if (kind === 'source') bytes[i] = 10 ** between(5, 7)
    else {
      const wanted = random() < 0.3 ? 2 : 1
      const low = kind === 'sink' ? sources : Math.max(0, i - 2 * sources)
      const high = kind === 'sink' ? count - sinks : i
      while (inputs.size < Math.min(wanted, high - low)) inputs.add(Math.floor(between(low, high)))
    }
    for (const input of inputs) {
      const from = `${kindOf(input)}-${input}`
      const edge = { id: `${from}→${name}`, from, to: name, bytesPerSecond: bytes[input]! }
      edges.push({ ...edge, recordsPerSecond: edge.bytesPerSecond / 200 })
      bytes[i]! += edge.bytesPerSecond * between(0.05, 1.1)
      if (edge.bytesPerSecond > (fattest[i]?.bytesPerSecond ?? 0)) fattest[i] = edges.at(-1)
    }
    const input = [...inputs][0]
    const home = pick(nodes)
    return {
      name,
      kind,
      hosts: 1,
      cpuMillis: Math.round(10 ** between(1.7, 2.9)),
      memoryBytes: Math.round(between(64, 768)) * 2 ** 20,
      handlerMs: between(0.1, 4),
      stateBytes: Math.round(10 ** between(3, 9)),
      ...(kind === 'source' && { fixed: { zone: pick(edgeCities) } }),
      ...(kind === 'sink' && random() < 0.5 && { fixed: { zone: pick(zones) } }),
      ...(kind === 'function' && random() < 0.15 && { require: { arch: ['amd64'] } }),
      ...(kind === 'function' && random() < 0.1 && { prefer: [{ zone: pick(zones), weight: 50 }] }),
      ...(kind === 'function' && random() < 0.05 && { apart: [`${kindOf(i - 1)}-${i - 1}`] }),
      ...(kind === 'function' &&
        random() < 0.05 && { near: [{ item: `${kindOf(input!)}-${input}`, maxRttMs: 6 }] }),
      ...(kind === 'function' && random() < 0.1 && { current: { zone: home.zone, node: home.name } }),
    }
  })
  const paths = items.slice(count - sinks).map(({ name }, at) => {
    const way: string[] = []
    for (let edge = fattest[count - sinks + at]; edge; edge = fattest[Number(edge.from!.split('-')[1])])
      way.unshift(edge.id)
    return { id: `to ${name}`, edges: way, boundMs: 40 }
  })
  return {
    zones: zones.map(name => ({ name, rttMs: 0.4 })),
    nodes,
    links,
    brokers: [],
    items,
    edges,
    paths,
    goal: { latency: 0.002, network: 1, cost: 1 },
    tariff: { ...defaultTariff },
    budget: {},
  }
}
