import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowView } from '../controller/broker/flow-view.ts'
import { Dataflow } from '../controller/dataflow.ts'
import { Metrics } from '../controller/server/metrics.ts'
import { type DataflowStatus, statusOf } from '../controller/status.ts'
import { Traffic } from '../controller/traffic.ts'
import { topics } from '../schema/topics.ts'

const Counting = suite('what hosts count')

const report = (view: FlowView, host: string, counters: Record<string, number>) => {
  const none = {
    recordsIn: 0,
    recordsOut: 0,
    deadLetters: 0,
    retries: 0,
    repeats: 0,
    dropped: 0,
    inFlight: 0,
  }
  const payload = JSON.stringify({ v: 1, host, ...none, backlog: {}, ...counters })
  view.take(topics.telemetry('f', 'node', host), Buffer.from(payload))
}
const totalsOf = (traffic: Traffic, view: FlowView) => traffic.totals(view).get('node')!

Counting('goes on when a host is gone and another takes its place', () => {
  const view = new FlowView('f', () => {})
  const traffic = new Traffic()
  report(view, 'a', { recordsIn: 10 })
  assert.is(totalsOf(traffic, view).recordsIn, 10)
  traffic.retire(view, new Set())
  assert.is(totalsOf(traffic, view).recordsIn, 10)
  report(view, 'b', { recordsIn: 3, inFlight: 2 })
  assert.is(totalsOf(traffic, view).recordsIn, 13)
  assert.is(totalsOf(traffic, view).lag, 2)
})

Counting('takes the last report of a host that was given up for what it adds', () => {
  const view = new FlowView('f', () => {})
  const traffic = new Traffic()
  report(view, 'a', { recordsIn: 10 })
  traffic.retire(view, new Set())
  report(view, 'a', { recordsIn: 12 })
  traffic.retire(view, new Set())
  assert.is(totalsOf(traffic, view).recordsIn, 12)
})

Counting('goes on from what was written down, and counts nothing twice', () => {
  const view = new FlowView('f', () => {})
  const traffic = new Traffic()
  report(view, 'gone', { recordsIn: 10 })
  report(view, 'stays', { recordsIn: 5 })
  assert.ok(traffic.retire(view, new Set(['stays'])))
  assert.not(traffic.retire(view, new Set(['stays'])), 'nobody else has gone')
  const later = new Traffic(JSON.parse(JSON.stringify(traffic.record(view))))
  const anew = new FlowView('f', () => {})
  assert.is(totalsOf(later, anew).recordsIn, 15)
  report(anew, 'stays', { recordsIn: 7 })
  report(anew, 'gone', { recordsIn: 11 }) // its last one came late
  assert.is(totalsOf(later, anew).recordsIn, 18)
})

Counting('tells of dropped records where there are any', () => {
  const view = new FlowView('f', () => {})
  const traffic = new Traffic()
  const dataflow = new Dataflow('')
  const nodes = [{ name: 'node', kind: 'source', placement: {} }]
  Object.assign(dataflow, { inventory: { name: 'f', flow: { nodes }, history: [] } })
  report(view, 'a', { recordsIn: 10 })
  assert.not('dropped' in statusOf(dataflow, '', view, traffic).functions[0]!)
  report(view, 'a', { recordsIn: 10, dropped: 4 })
  assert.is(statusOf(dataflow, '', view, traffic).functions[0]!.dropped, 4)
})

Counting('is given to Prometheus as counters that never fall', async () => {
  const counted = { name: 'node', hosts: [], recordsIn: 5, recordsOut: 0, lag: 7, deadLetters: 0, retries: 0 }
  const flow = { name: 'f', conditions: [], functions: [counted] } as unknown as DataflowStatus
  const metrics = new Metrics(async () => [flow])
  const at = async (metric: string) =>
    new RegExp(`^${metric}{.*"node"} (\\d+)$`, 'm').exec(await metrics.read())?.[1]
  assert.match(await metrics.read(), '# TYPE dyninka_records_in_total counter')
  assert.is(await at('dyninka_records_in_total'), '5')
  assert.is(await at('dyninka_dropped_total'), '0')
  Object.assign(counted, { recordsIn: 3, lag: 1, dropped: 2 })
  assert.is(await at('dyninka_records_in_total'), '5')
  assert.is(await at('dyninka_lag_records'), '1')
  assert.is(await at('dyninka_dropped_total'), '2')
  Object.assign(counted, { recordsIn: 8 })
  assert.is(await at('dyninka_records_in_total'), '8')
})

Counting.run()
