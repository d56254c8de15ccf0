import { defaultTariff, type Instance, type Item } from '../../controller/placement/instance.ts'
import { randomOf } from '../../controller/placement/random.ts'

/** A small problem of placement with something of everything, always the same for a seed. */
export function randomInstance(seed: number, { items = 5, nodes = 4 } = {}): Instance {
  const random = randomOf(seed)
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)]!
  const chance = (share: number) => random() < share
  const zones = Array.from({ length: 1 + Math.floor(random() * 3) }, (_, i) => ({
    name: `zone-${i}`,
    ...(chance(0.5) && { rttMs: Math.round(random() * 4) }),
  }))
  const links = zones.flatMap((from, i) =>
    zones.slice(i + 1).flatMap(to => {
      const link = () => ({
        rttMs: Math.round(random() * 80),
        pricePerGiB: Math.round(random() * 12) / 100,
        ...(chance(0.25) && { bytesPerSecond: Math.round(random() * 4e6) }),
      })
      const there = { from: from.name, to: to.name, ...link() }
      return chance(0.3) ? [there, { from: to.name, to: from.name, ...link() }] : [there]
    }),
  )
  const machines = Array.from({ length: nodes }, (_, i) => ({
    name: `node-${i}`,
    zone: i < zones.length ? zones[i]!.name : pick(zones).name,
    cpuMillis: pick([500, 1000, 2000, 4000]),
    memoryBytes: pick([512, 1024, 4096]) * 2 ** 20,
    arch: pick(['arm64', 'amd64']),
    labels: (chance(0.3) ? { camera: pick(['front', 'back']) } : {}) as Record<string, string>,
    pricePerHour: Math.round(random() * 40) / 100,
  }))
  const brokers = [
    { name: 'main', place: { zone: pick(zones).name } },
    { name: 'edge', place: { node: pick(machines).name } },
  ]
  const names = Array.from({ length: items }, (_, i) => `item-${i}`)
  const all = names.map((name, i): Item => {
    const others = names.filter(other => other !== name)
    const home = pick(machines)
    return {
      name,
      kind: i === 0 ? 'source' : i === items - 1 ? 'sink' : 'function',
      hosts: pick([1, 1, 2]),
      cpuMillis: pick([50, 100, 300, 600]),
      memoryBytes: pick([64, 128, 256]) * 2 ** 20,
      handlerMs: Math.round(random() * 5),
      ...(chance(0.2) && { require: { arch: [pick(['arm64', 'amd64'])] } }),
      ...(chance(0.1) && { require: { labels: { camera: pick(['exists', 'front']) } } }),
      ...(chance(0.3) && { prefer: [{ zone: pick(zones).name, weight: Math.ceil(random() * 100) }] }),
      ...(chance(0.2) && { near: [{ item: pick(others), maxRttMs: Math.round(random() * 40) }] }),
      ...(chance(0.15) && { apart: [pick(others)] }),
      ...(chance(0.1) && { with: [pick(others)] }),
      ...(chance(0.1) && { fixed: { zone: pick(zones).name } }),
      ...(chance(0.05) && { keep: true }),
      ...(chance(0.8) && {
        current: chance(0.8) ? { zone: home.zone, node: home.name } : { zone: home.zone },
      }),
      ...(chance(0.3) && { stateBytes: Math.round(random() * 2 ** 33) }),
    }
  })
  const edges = names.slice(1).flatMap((to, i) =>
    Array.from({ length: chance(0.25) ? 2 : 1 }, (_, again) => {
      const from = names[again === 0 ? i : Math.floor(random() * (i + 1))]!
      const bytesPerSecond = Math.round(10 ** (3 + random() * 3))
      const via = chance(0.5) ? { via: pick(brokers).name } : {}
      return { id: `${from}→${to}#${again}`, from, to, recordsPerSecond: 10, bytesPerSecond, ...via }
    }),
  )
  const first = { id: 'in', to: names[0]!, recordsPerSecond: 10, bytesPerSecond: 50_000, via: 'edge' }
  const last = { id: 'out', from: names.at(-1)!, recordsPerSecond: 1, bytesPerSecond: 500, via: 'main' }
  const chain = names.slice(1).map((to, i) => `${names[i]}→${to}#0`)
  return {
    zones,
    nodes: machines,
    links,
    brokers,
    ...(seed % 2 === 1 && {
      carriers: {
        zones: zones.map(({ name }) => name).filter(name => (seed >> (1 + Number(name.at(-1)))) % 2 === 1),
        otherwise: 'main',
      },
    }),
    items: all,
    edges: [first, ...edges, last],
    paths: [
      { id: 'whole', edges: ['in', ...chain, 'out'], boundMs: Math.round(random() * 100) },
      { id: 'half', edges: chain.slice(0, Math.ceil(items / 2)), boundMs: 0 },
    ],
    goal: { latency: pick([0, 0.001, 0.01]), network: pick([1, 1, 3]), cost: pick([0, 1]) },
    tariff: { ...defaultTariff, perMove: pick([0, 0.02, 0.5]) },
    budget: {
      ...(chance(0.2) && { moneyPerHour: random() * 0.5 }),
    },
  }
}
