import { defaultTariff, type Instance, type Item } from '../../../controller/placement/instance.ts'
import { randomOf } from '../../../controller/placement/random.ts'
import { seattle } from './seattle.ts'

/** Round trips between the cloud and each edge zone at a minute of the week, ms. */
export type Latencies = (minute: number) => readonly number[]

export const minutesOfWeek = 7 * 24 * 60
const sites = 6

/** What was measured, each slice for as long as it takes to make a week of them: three hours. */
export const replayed: Latencies = minute =>
  seattle[Math.floor((minute / minutesOfWeek) * seattle.length) % seattle.length]!

/**
 * A model, not a measurement: each zone has a least round trip of 15 to 90 ms, up to half as much more at its busiest hour,
 * and bursts, four a day of 5 to 90 minutes, in which it is two to six times as long.
 */
export function modelled(seed: number): Latencies {
  const random = randomOf(seed)
  const zones = Array.from({ length: sites }, () => ({
    least: 15 + 75 * random(),
    busiest: 24 * 60 * random(),
    bursts: Array.from({ length: 28 }, () => {
      const from = minutesOfWeek * random()
      return { from, to: from + 5 + 85 * random(), factor: 2 + 4 * random() }
    }),
  }))
  return minute =>
    zones.map(({ least, busiest, bursts }) => {
      const burst = bursts.find(({ from, to }) => minute >= from && minute < to)
      return least * (1.25 + 0.25 * daily(minute, busiest)) * (burst?.factor ?? 1)
    })
}

/** From -1 to 1, the most at a minute of the day. */
const daily = (minute: number, busiest: number) => Math.cos((2 * Math.PI * (minute - busiest)) / (24 * 60))

/**
 * A dataflow over six edge zones and the cloud, minute by minute for a week, always the same for a seed:
 *
 * - In each zone a source that stays, a filter that passes on 5 to 80 %, a node of 2 cores for 0.06 an hour; two functions
 *   join three filters each, and two sinks stay in the cloud, where a core is half as dear. Edges go by the broker in the
 *   zone of their producer. All begins in the cloud.
 * - What a source sends is 50 kB to 3 MB a second on average, twice to five times as much at its busiest hour as at the
 *   quietest, 40 % less on the last two days, with two bursts a day of 20 to 90 minutes, in which it is three times as
 *   much, and 10 % up or down in each minute.
 * - The way from each source to its sink has a bound of 300 ms.
 */
export function weekOf(seed: number, latencies: Latencies): (minute: number) => Instance {
  const random = randomOf(seed * 104_729)
  const between = (low: number, high: number) => low + random() * (high - low)
  const edgeZones = Array.from({ length: sites }, (_, k) => `edge-${k + 1}`)
  const sources = edgeZones.map(() => ({
    mean: 10 ** between(4.7, 6.5),
    swing: between(1 / 3, 2 / 3),
    busiest: 24 * 60 * random(),
    passes: between(0.05, 0.8),
    bursts: Array.from({ length: 14 }, () => {
      const from = minutesOfWeek * random()
      return { from, to: from + between(20, 90) }
    }),
  }))
  const rateOf = ({ mean, swing, busiest, bursts }: (typeof sources)[number], minute: number, k: number) => {
    const weekend = minute >= (5 / 7) * minutesOfWeek ? 0.6 : 1
    const burst = bursts.some(({ from, to }) => minute >= from && minute < to) ? 3 : 1
    const noise = 0.9 + 0.2 * randomOf(seed * 7_919 + minute * sites + k)()
    return mean * (1 + swing * daily(minute, busiest)) * weekend * burst * noise
  }
  const item = (name: string, kind: Item['kind'], more: Partial<Item>): Item => ({
    name,
    kind,
    hosts: 1,
    cpuMillis: 200,
    memoryBytes: 64 * 2 ** 20,
    handlerMs: 2,
    stateBytes: 16 * 2 ** 20,
    current: { zone: 'cloud', node: 'cloud-1' },
    ...more,
  })
  const items = [
    ...edgeZones.map((zone, k) =>
      item(`source-${k}`, 'source', { fixed: { zone }, current: { zone, node: `${zone}-1` }, cpuMillis: 50 }),
    ),
    ...edgeZones.map((_, k) => item(`filter-${k}`, 'function', {})),
    ...[0, 1].map(j => item(`join-${j}`, 'function', { stateBytes: 256 * 2 ** 20 })),
    ...[0, 1].map(j => item(`sink-${j}`, 'sink', { fixed: { zone: 'cloud' }, cpuMillis: 50 })),
  ]
  const node = (name: string, zone: string, cores: number, pricePerHour: number) => ({
    name,
    zone,
    cpuMillis: 1000 * cores,
    memoryBytes: 2 * cores * 2 ** 30,
    arch: 'amd64',
    labels: {},
    pricePerHour,
  })
  const nodes = [
    ...['cloud-1', 'cloud-2'].map(name => node(name, 'cloud', 8, 0.12)),
    ...edgeZones.map(zone => node(`${zone}-1`, zone, 2, 0.06)),
  ]
  return minute => {
    const rtt = latencies(minute)
    const zones = ['cloud', ...edgeZones]
    // Edge zones reach each other through the cloud.
    const links = zones.flatMap((from, a) =>
      zones.slice(a + 1).map((to, b) => ({
        from,
        to,
        rttMs: (a === 0 ? 0 : rtt[a - 1]!) + rtt[a + b]!,
        pricePerGiB: a === 0 ? 0.02 : 0.04,
      })),
    )
    const edge = (from: string, to: string, bytesPerSecond: number) => ({
      id: `${from}→${to}`,
      from,
      to,
      recordsPerSecond: bytesPerSecond / 200,
      bytesPerSecond,
    })
    const rates = sources.map((source, k) => rateOf(source, minute, k))
    const passed = rates.map((rate, k) => rate * sources[k]!.passes)
    const joined = [0, 1].map(j => 0.2 * passed.slice(3 * j, 3 * j + 3).reduce((a, b) => a + b))
    return {
      zones: zones.map(name => ({ name, rttMs: 0.4 })),
      nodes,
      links,
      brokers: [],
      items,
      edges: [
        ...rates.map((rate, k) => edge(`source-${k}`, `filter-${k}`, rate)),
        ...passed.map((rate, k) => edge(`filter-${k}`, `join-${Math.floor(k / 3)}`, rate)),
        ...joined.map((rate, j) => edge(`join-${j}`, `sink-${j}`, rate)),
      ],
      paths: edgeZones.map((_, k) => {
        const j = Math.floor(k / 3)
        return {
          id: `source-${k}⇒sink-${j}`,
          edges: [`source-${k}→filter-${k}`, `filter-${k}→join-${j}`, `join-${j}→sink-${j}`],
          boundMs: 300,
        }
      }),
      goal: { latency: 0.0001, network: 1, cost: 1 },
      tariff: { ...defaultTariff },
      budget: {},
    }
  }
}
