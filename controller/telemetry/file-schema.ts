import { binsSchema } from './report-schema.ts'
import { mostEver, names, positive, whole } from './schema-parts.ts'

const text = { type: 'string', maxLength: 4_096 } as const
const least0 = { type: 'number', minimum: 0, maximum: mostEver } as const
/** What is unknown is of a newer version 1, and left alone. */
const record = (properties: Record<string, unknown>, optional: string[] = []) => ({
  type: 'object',
  required: Object.keys(properties).filter(name => !optional.includes(name)),
  properties,
})
const table = (of: unknown) => ({ ...names, additionalProperties: of })
const list = (items: unknown, maxItems = 100_000) => ({ type: 'array', maxItems, items })

const resources = record({ cpuMillis: least0, memoryBytes: least0 }, ['cpuMillis', 'memoryBytes'])

const node = record(
  {
    name: text,
    zone: text,
    arch: text,
    labels: table(text),
    capacity: resources,
    allocatable: resources,
    used: record({ cpuMillis: least0, memoryBytes: least0, at: text, windowMs: positive }, ['windowMs']),
    unmeasured: text,
    conditions: list(record({ type: text, status: { enum: ['True', 'False', 'Unknown'] } }), 100),
  },
  ['zone', 'arch', 'capacity', 'allocatable', 'used', 'unmeasured'],
)

const link = record(
  {
    zones: { ...list(text, 2), minItems: 2 },
    rttMs: least0,
    bytesPerSecond: positive,
    pricePerGiB: least0,
  },
  ['bytesPerSecond', 'pricePerGiB'],
)

export const headerSchema = record(
  {
    v: { const: 1 },
    kind: { const: 'dyninka-telemetry' },
    flow: text,
    at: { type: 'string', pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?Z$' },
    since: text,
    revision: text,
    broker: text,
    zoneBrokers: list(text),
    graph: list(
      record(
        {
          name: text,
          kind: { enum: ['source', 'function', 'sink'] },
          from: list(record({ node: text, output: text })),
          hasEventTime: { const: true },
        },
        ['hasEventTime'],
      ),
    ),
    hosts: list(record({ function: text, node: text })),
    homes: table(text),
    nodes: list(node),
    links: list(link, 10_000),
    brokerZone: text,
  },
  ['zoneBrokers', 'homes', 'links', 'brokerZone'],
)

const moments = record({
  count: { type: 'integer', minimum: 1 },
  mean: least0,
  m2: { type: 'number', minimum: 0 },
  min: least0,
  max: least0,
})

const rates = { records: whole, bytes: whole, recordsPerSecond: moments, bytesPerSecond: moments }
const optionalRates = ['recordsPerSecond', 'bytesPerSecond']

const edge = record(
  {
    ...rates,
    latency: binsSchema,
    ignored: record({ negative: whole, absurd: whole, clocks: whole }),
    clockErrorMs: least0,
    lagRecords: moments,
  },
  [...optionalRates, 'latency', 'ignored', 'clockErrorMs', 'lagRecords'],
)

const functionWindow = record(
  {
    hosts: moments,
    calls: whole,
    handlerMs: least0,
    cpuMillis: moments,
    residentBytes: moments,
    storedBytes: moments,
    busy: moments,
  },
  ['storedBytes'],
)

const flown = record(rates, optionalRates)

export const windowSchema = record(
  {
    v: { const: 1 },
    start: positive,
    lengthMs: positive,
    edges: table(table(edge)),
    functions: table(table(functionWindow)),
    outside: table(record({ in: flown, out: flown }, ['in', 'out'])),
    roundTripMs: table(table(moments)),
    nodes: table(record({ cpuMillis: moments, memoryBytes: moments })),
    refused: table(whole),
  },
  ['nodes'],
)
