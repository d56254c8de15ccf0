/** Of what `climate-telemetry.ts` has measured: the only large disk is 41 ms away from where its source stays. */
export const contradicting = `apiVersion: dyninka.dev/v1
name: climate
goal: { network: 1 }
sources:
  raw: { mqtt: raw/#, broker: mqtt://edge.example:1883, placement: { keep: true } }
functions:
  filter:
    code: functions/filter.ts
    from: raw
    placement:
      require: { labels: { disk: large } }
      near:
        - { function: raw, maxRtt: 5ms }
sinks:
  out: { from: filter.good, log: {} }
`
