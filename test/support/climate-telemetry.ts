import type { TelemetryFile } from '../../controller/telemetry/file.ts'
import { momentsOf } from '../../controller/telemetry/moments.ts'
import type { Window } from '../../controller/telemetry/window.ts'

/** A broker in each of two zones; the dataflow's own is in the cloud unless the header says otherwise. */
export const [edge, cloud] = ['mqtt://edge.example:1883', 'mqtt://cloud.example:1883']
const start = Date.UTC(2026, 0, 1)
export const at = (seconds: number) => start + seconds * 1_000

/** Ten seconds of a source at the edge, a filter and a sink in the cloud. @param bytes of the source's records */
export const windowOf = (n: number, bytes = 1e6, more: Partial<Window> = {}): Window => {
  const rates = (records: number, bytes: number) => ({
    records,
    bytes,
    recordsPerSecond: momentsOf(records / 10),
    bytesPerSecond: momentsOf(bytes / 10),
  })
  const host = {
    hosts: momentsOf(1),
    calls: 100,
    handlerMs: 50,
    cpuMillis: momentsOf(20),
    residentBytes: momentsOf(8e7),
    busy: momentsOf(0.1),
  }
  return {
    v: 1,
    start: at(10 * n),
    lengthMs: 10_000,
    edges: { filter: { raw: rates(100, bytes) }, out: { 'filter.good': rates(10, bytes / 10) } },
    functions: { raw: { 'edge-1': host }, filter: { 'cloud-1': host }, out: { 'cloud-1': host } },
    outside: { raw: { in: rates(100, bytes) } },
    roundTripMs: {
      'edge-1': { [edge]: momentsOf(0.5), [cloud]: momentsOf(41) },
      'cloud-1': { [edge]: momentsOf(43), [cloud]: momentsOf(0.4) },
    },
    refused: {},
    ...more,
  }
}

const node = (name: string, zone: string, labels: Record<string, string> = {}) => ({
  name,
  zone,
  arch: 'arm64',
  labels,
  allocatable: { cpuMillis: 2_000, memoryBytes: 2 ** 31 },
  conditions: [],
})

export const fileOf = (windows: Window[], more: Partial<TelemetryFile['header']> = {}): TelemetryFile => ({
  header: {
    v: 1,
    kind: 'dyninka-telemetry',
    flow: 'climate',
    at: new Date(at(10 * windows.length)).toISOString(),
    since: new Date(start).toISOString(),
    revision: 'main@sha1:1',
    broker: cloud,
    graph: [
      { name: 'raw', kind: 'source', from: [] },
      { name: 'filter', kind: 'function', from: [{ node: 'raw', output: 'default' }] },
      { name: 'out', kind: 'sink', from: [{ node: 'filter', output: 'good' }] },
    ],
    hosts: [
      { function: 'raw', node: 'edge-1' },
      { function: 'filter', node: 'cloud-1' },
      { function: 'out', node: 'cloud-1' },
    ],
    nodes: [node('edge-1', 'edge', { disk: 'small' }), node('cloud-1', 'cloud', { disk: 'large' })],
    ...more,
  },
  windows,
})

/** Half an hour in which the source is now faster, now slower. */
export const busy = Array.from({ length: 180 }, (_, n) =>
  windowOf(n, 10 * Math.round(1e8 * (1 + 0.1 * Math.sin(n)))),
)
