import type { TelemetryReport } from '../../runtime/telemetry-report.ts'
import type { SourceNode, SourceSpec } from '../../schema/flow.ts'
import { topics } from '../../schema/topics.ts'
import { fn, Rig, sink, source, until } from './rig.ts'

const rigs: Rig[] = []

/** Source, function and sink, all running, and what comes out. */
export async function started(url: string, topic: string, spec: SourceSpec, more: Partial<SourceNode> = {}) {
  const nodes = [
    source('in', spec, more),
    fn('pass', ['in']),
    sink('out', ['pass'], { type: 'mqtt', topic: `${topic}/out`, retain: false }),
  ]
  const rig = await new Rig(url, nodes, { pass: value => value }).start()
  rigs.push(rig)
  return { rig, heard: await rig.listen(`${topic}/out`) }
}
/** What the source of this rig reports of itself. */
export async function reportsOf(rig: Rig): Promise<() => TelemetryReport> {
  const reports = await rig.listen(topics.telemetry(rig.flow.name, 'in', rig.hosts('in')[0]!))
  await until(() => reports.length > 0, 'a report')
  return () => JSON.parse(String(reports.at(-1)!.payload))
}
export const numbers = (heard: { payload: Buffer }[]) =>
  heard.map(({ payload }) => (JSON.parse(payload.toString()) as { n: number }).n)

/** Where these do not count up from 1. */
export const breaks = (arrived: number[]) =>
  arrived.flatMap((n, i) => (n === (arrived[i - 1] ?? 0) + 1 ? [] : [`${arrived[i - 1] ?? 0} → ${n}`]))

export async function closeAll() {
  for (const rig of rigs.splice(0)) await rig.close()
}

export const from = (filter: string) => ({ type: 'mqtt', filter, format: 'json' }) as const
export const number = (n: number) => JSON.stringify({ n })
/** A record that makes half a MiB, after which the graph is full, come soon. */
export const large = (n: number, size: number) => JSON.stringify({ n, pad: 'x'.repeat(size) })
