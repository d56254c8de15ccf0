import { Counter, Gauge, type Registry } from 'prom-client'
import { quantilesOf } from '../telemetry/latency-bins.ts'
import type { Measured } from './measured.ts'

const quantiles = [0.5, 0.9, 0.99]
const edge = ['dataflow', 'from', 'to']
const host = ['dataflow', 'function', 'node']
const outside = ['dataflow', 'name', 'way']

/** The last ten seconds of each dataflow as gauges: an edge, or a function on a node, has as many series as there are
 *  metrics of it, however many hosts there are. */
export class WindowMetrics {
  #gauges: Record<string, Gauge>
  #refused: Counter
  /** By dataflow and reason: how far it is counted. */
  #counted = new Map<string, number>()

  constructor(registry: Registry) {
    const registers = [registry]
    const gauge = (name: string, help: string, labelNames: string[]) =>
      new Gauge({ name: `dyninka_${name}`, help, labelNames, registers })
    this.#gauges = {
      records: gauge('edge_records_per_second', 'Records that an edge carries.', edge),
      bytes: gauge('edge_bytes_per_second', 'Bytes of messages that the broker sends to the consumer.', edge),
      latency: gauge(
        'edge_latency_seconds',
        'From its entry, or its event time, until a record is handled.',
        [...edge, 'quantile'],
      ),
      cpu: gauge('host_cpu_cores', 'Processor time of one host, on average.', host),
      memory: gauge('host_resident_bytes', 'Memory of one host, on average.', host),
      hosts: gauge('node_hosts', 'Hosts of a function on a node.', host),
      busy: gauge('host_busy_ratio', 'Share of the time in which the event loop had something to do.', host),
      stored: gauge('host_stored_bytes', 'State that the broker has for one host, about.', host),
      calls: gauge('function_calls_per_second', 'Calls of the handler, of all hosts on a node.', host),
      handler: gauge('function_handler_seconds', 'Time in the handler, by call.', host),
      outsideRecords: gauge('outside_records_per_second', 'Into a source, or out of a sink.', outside),
      outsideBytes: gauge('outside_bytes_per_second', 'Payloads into a source, or out of a sink.', outside),
      roundTrip: gauge('broker_round_trip_seconds', 'From the hosts of a node to a broker and back.', [
        ...['dataflow', 'node', 'broker'],
      ]),
    }
    this.#refused = new Counter({
      name: 'dyninka_telemetry_refused_total',
      help: 'Reports of hosts that were not used.',
      labelNames: ['dataflow', 'reason'],
      registers,
    })
  }

  set(all: Measured[]): void {
    for (const gauge of Object.values(this.#gauges)) gauge.reset()
    for (const measured of all) {
      this.#setEdges(measured)
      this.#setHosts(measured)
      this.#setOutside(measured)
      for (const [reason, count] of Object.entries(measured.refused))
        this.#count(measured.dataflow, reason, count)
    }
  }

  #setEdges({ dataflow, window }: Measured) {
    const { records, bytes, latency } = this.#gauges
    for (const [to, inputs] of Object.entries(window?.edges ?? {})) {
      for (const [from, figures] of Object.entries(inputs)) {
        const labels = { dataflow, from, to }
        if (figures.recordsPerSecond) records!.set(labels, figures.recordsPerSecond.mean)
        if (figures.bytesPerSecond) bytes!.set(labels, figures.bytesPerSecond.mean)
        const values = (figures.latency && quantilesOf(figures.latency, quantiles)) ?? []
        for (const [i, ms] of values.entries())
          latency!.set({ ...labels, quantile: String(quantiles[i]) }, ms / 1000)
      }
    }
  }

  #setHosts({ dataflow, window }: Measured) {
    const { cpu, memory, hosts, busy, stored, calls, handler, roundTrip } = this.#gauges
    for (const [name, nodes] of Object.entries(window?.functions ?? {})) {
      for (const [node, figures] of Object.entries(nodes)) {
        const labels = { dataflow, function: name, node }
        cpu!.set(labels, figures.cpuMillis.mean / 1000)
        memory!.set(labels, figures.residentBytes.mean)
        hosts!.set(labels, figures.hosts.mean)
        busy!.set(labels, figures.busy.mean)
        if (figures.storedBytes) stored!.set(labels, figures.storedBytes.mean)
        calls!.set(labels, (figures.calls * 1000) / window!.lengthMs)
        if (figures.calls > 0) handler!.set(labels, figures.handlerMs / figures.calls / 1000)
      }
    }
    for (const [node, brokers] of Object.entries(window?.roundTripMs ?? {}))
      for (const [broker, { mean }] of Object.entries(brokers))
        roundTrip!.set({ dataflow, node, broker }, mean / 1000)
  }

  #setOutside({ dataflow, window }: Measured) {
    const { outsideRecords, outsideBytes } = this.#gauges
    for (const [name, ways] of Object.entries(window?.outside ?? {}))
      for (const [way, figures] of Object.entries(ways)) {
        const labels = { dataflow, name, way }
        if (figures.recordsPerSecond) outsideRecords!.set(labels, figures.recordsPerSecond.mean)
        if (figures.bytesPerSecond) outsideBytes!.set(labels, figures.bytesPerSecond.mean)
      }
  }

  #count(dataflow: string, reason: string, value: number) {
    const key = `${dataflow} ${reason}`
    const before = this.#counted.get(key) ?? 0
    this.#refused.inc({ dataflow, reason }, Math.max(0, value - before))
    this.#counted.set(key, value)
  }
}
