/** The dataflow that `climate-telemetry.ts` was measured of, with its filter in a zone. */
export const flow = (zone: string) => `apiVersion: dyninka.dev/v1
name: climate
goal: { network: 1 }
sources:
  raw: { mqtt: raw/#, broker: mqtt://edge.example:1883 }
functions:
  filter:
    code: functions/filter.ts
    from: raw
    placement: { zone: ${zone} } # decided by hand
sinks:
  out: { from: filter.good, log: {}, placement: { keep: true } }
`
export const code = `import type { Context } from 'dyninka'
export default function filter(value: unknown, ctx: Context): void { ctx.emit('good', value) }
`
