import { names, positive, whole } from './schema-parts.ts'

const number = { type: 'number', minimum: 0 } as const

const flown = { records: whole, bytes: whole }

export const binsSchema = {
  type: 'object',
  required: ['zeros', 'first', 'counts'],
  additionalProperties: false,
  properties: {
    zeros: whole,
    first: { type: 'integer', minimum: -1_000, maximum: 1_000 },
    counts: { type: 'array', maxItems: 1_000, items: whole },
  },
} as const

/** What `FiguresReport` must be, whoever sent it. What is unknown is of a newer host, and left alone. */
export const reportSchema = {
  type: 'object',
  required: [
    'v', 'host', 'process', 'n', 'at', 'upMs', 'windowMs', 'edges', 'backlog', 'calls', 'handlerMs', 'activeMs', 'cpuMs',
    'residentBytes', 'roundTrips',
  ], // biome-ignore format: a list
  properties: {
    v: { const: 1 },
    host: { type: 'string', maxLength: 253 },
    process: number,
    n: { type: 'integer', minimum: 1 },
    at: { type: 'string', maxLength: 40 },
    upMs: number,
    windowMs: positive,
    leaving: { const: true },
    edges: {
      ...names,
      additionalProperties: {
        type: 'object',
        required: ['records', 'bytes'],
        properties: { ...flown, latency: binsSchema, negative: whole, absurd: whole },
      },
    },
    outside: {
      type: 'object',
      properties: Object.fromEntries(
        ['in', 'out'].map(way => [
          way,
          { type: 'object', required: ['records', 'bytes'], properties: flown },
        ]),
      ),
    },
    backlog: { ...names, additionalProperties: whole },
    calls: whole,
    handlerMs: number,
    activeMs: number,
    cpuMs: number,
    residentBytes: whole,
    storedBytes: whole,
    roundTrips: {
      ...names,
      maxProperties: 16,
      additionalProperties: {
        type: 'object',
        required: ['count', 'minMs', 'meanMs', 'maxMs'],
        properties: { count: { ...whole, minimum: 1 }, minMs: number, meanMs: number, maxMs: number },
      },
    },
  },
} as const
