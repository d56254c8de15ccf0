import { Counter, Gauge, Registry } from 'prom-client'
import type { DataflowStatus, FunctionStatus } from '../status.ts'
import type { Measured } from './measured.ts'
import { WindowMetrics } from './window-metrics.ts'

type Total = keyof FunctionStatus & ('recordsIn' | 'recordsOut' | 'deadLetters' | 'retries' | 'dropped')

const totals: [name: Total, metric: string, help: string][] = [
  ['recordsIn', 'dyninka_records_in_total', 'Records taken in.'],
  ['recordsOut', 'dyninka_records_out_total', 'Records sent.'],
  ['deadLetters', 'dyninka_dead_letters_total', 'Records given up.'],
  ['retries', 'dyninka_retries_total', 'Calls after the first.'],
  ['dropped', 'dyninka_dropped_total', 'Records that a source dropped because of its overflow rule.'],
]

const labelNames = ['dataflow', 'function'] as const
type Labels = Record<(typeof labelNames)[number], string>

/** For Prometheus. What hosts have counted since the last scrape is added to counters, so that none ever falls;
 *  gauges are set at each scrape. */
export class Metrics {
  #registry = new Registry()
  #statuses: () => Promise<DataflowStatus[]>
  #measured: () => Measured[]
  #windows: WindowMetrics
  #totals = new Map<Total, Counter>()
  /** By metric and labels: how far it is counted. */
  #counted = new Map<string, number>()
  #lag: Gauge
  #ready: Gauge
  #hosts: Gauge
  #wanted: Gauge

  constructor(statuses: () => Promise<DataflowStatus[]>, measured: () => Measured[] = () => []) {
    this.#statuses = statuses
    this.#measured = measured
    this.#windows = new WindowMetrics(this.#registry)
    const registers = [this.#registry]
    for (const [total, name, help] of totals)
      this.#totals.set(total, new Counter({ name, help, labelNames, registers }))
    const gauge = (name: string, help: string, names: readonly string[] = labelNames) =>
      new Gauge({ name, help, labelNames: names, registers })
    this.#lag = gauge('dyninka_lag_records', 'Records that wait for the function or are in its hands.')
    this.#ready = gauge('dyninka_dataflow_ready', '1 when all runs as wanted.', ['dataflow'])
    this.#hosts = gauge('dyninka_hosts', 'Processes.')
    this.#wanted = gauge(
      'dyninka_hosts_wanted',
      'Processes that the load asks for, where scale leaves a choice.',
    )
  }

  get contentType() {
    return this.#registry.contentType
  }

  async read(): Promise<string> {
    const statuses = await this.#statuses()
    for (const gauge of [this.#lag, this.#ready, this.#hosts]) gauge.reset()
    for (const { name, namespace, conditions, functions } of statuses) {
      const dataflow = namespace === undefined ? name : `${namespace}/${name}`
      const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
      this.#ready.set({ dataflow }, isReady ? 1 : 0)
      for (const status of functions) {
        const labels = { dataflow, function: status.name }
        this.#hosts.set(labels, status.hosts.length)
        if (status.scale) this.#wanted.set(labels, status.scale.hosts)
        this.#lag.set(labels, status.lag)
        for (const [total] of totals) this.#count(total, labels, status[total] ?? 0)
      }
    }
    this.#windows.set(this.#measured())
    return this.#registry.metrics()
  }

  #count(total: Total, labels: Labels, value: number) {
    const key = [total, labels.dataflow, labels.function].join(' ')
    const before = this.#counted.get(key) ?? 0
    this.#totals.get(total)!.inc(labels, Math.max(0, value - before))
    this.#counted.set(key, Math.max(value, before))
  }
}
