import { defaultTariff, type Instance } from '../../controller/placement/instance.ts'

const gib = 2 ** 30

/** A filter that could run at the edge, beside its source: what it lets through is a tenth. */
export const instanceOf = (gibPerHour: number, more: Partial<Instance> = {}): Instance => ({
  zones: [{ name: 'edge' }, { name: 'cloud' }],
  nodes: ['edge', 'cloud'].map(zone => ({
    name: `${zone}-1`,
    zone,
    cpuMillis: 1_000,
    memoryBytes: gib,
    arch: 'amd64',
    labels: {},
    pricePerHour: 0,
  })),
  links: [{ from: 'edge', to: 'cloud', rttMs: 40, pricePerGiB: 1 }],
  brokers: [
    { name: 'edge', place: { zone: 'edge' } },
    { name: 'cloud', place: { zone: 'cloud' } },
  ],
  items: [
    {
      name: 'filter',
      kind: 'function',
      hosts: 1,
      cpuMillis: 10,
      memoryBytes: 0,
      current: { zone: 'cloud', node: 'cloud-1' },
    },
  ],
  edges: [
    { id: 'in', to: 'filter', recordsPerSecond: 1, bytesPerSecond: (gibPerHour * gib) / 3600, via: 'edge' },
    {
      id: 'out',
      from: 'filter',
      recordsPerSecond: 1,
      bytesPerSecond: (gibPerHour * gib) / 36000,
      via: 'cloud',
    },
  ],
  paths: [],
  goal: { latency: 0, network: 1, cost: 0 },
  tariff: { ...defaultTariff, perMove: 0.5, horizonHours: 10 },
  budget: {},
  ...more,
})

export const current = { filter: 'cloud-1' }
export const better = { filter: 'edge-1' }

/** Windows whose traffic is now a tenth more, now less. */
export const steady = (gibPerHour: number, count = 10) =>
  Array.from({ length: count }, (_, i) => instanceOf(gibPerHour * (1 + 0.1 * (-1) ** i)))
