import { Gauge, Registry } from 'prom-client'
import type { Reconciler } from '../reconciler.ts'
import type { FunctionStatus } from '../status.ts'

const perFunction: [
  name: keyof FunctionStatus & ('recordsIn' | 'recordsOut' | 'lag' | 'deadLetters' | 'retries'),
  metric: string,
  help: string,
][] = [
  ['recordsIn', 'dyninka_records_in_total', 'Records taken in.'],
  ['recordsOut', 'dyninka_records_out_total', 'Records sent.'],
  ['lag', 'dyninka_lag_records', 'Records that wait for the function or are in its hands.'],
  ['deadLetters', 'dyninka_dead_letters_total', 'Records given up.'],
  ['retries', 'dyninka_retries_total', 'Calls after the first.'],
]

/** For Prometheus. What hosts count is passed on, so values are set at each scrape. */
export class Metrics {
  #registry = new Registry()
  #reconciler: Reconciler
  #functions = new Map<string, Gauge>()
  #ready: Gauge
  #hosts: Gauge

  constructor(reconciler: Reconciler) {
    this.#reconciler = reconciler
    const registers = [this.#registry]
    for (const [name, metric, help] of perFunction) {
      this.#functions.set(
        name,
        new Gauge({ name: metric, help, labelNames: ['dataflow', 'function'], registers }),
      )
    }
    this.#ready = new Gauge({
      name: 'dyninka_dataflow_ready',
      help: '1 when all runs as wanted.',
      labelNames: ['dataflow'],
      registers,
    })
    this.#hosts = new Gauge({
      name: 'dyninka_hosts',
      help: 'Processes.',
      labelNames: ['dataflow', 'function'],
      registers,
    })
  }

  get contentType() {
    return this.#registry.contentType
  }

  async read(): Promise<string> {
    this.#registry.resetMetrics()
    for (const { name: dataflow, conditions, functions } of await this.#reconciler.status()) {
      const isReady = conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
      this.#ready.set({ dataflow }, isReady ? 1 : 0)
      for (const status of functions) {
        const labels = { dataflow, function: status.name }
        this.#hosts.set(labels, status.hosts.length)
        for (const [name] of perFunction) this.#functions.get(name)!.set(labels, status[name])
      }
    }
    return this.#registry.metrics()
  }
}
