import type { Figure } from '../../controller/telemetry/figure.ts'
import type { NodeFigures, UseFigures } from '../../controller/telemetry/node-figures.ts'
import type { EdgeFigures, FunctionFigures, Snapshot } from '../../controller/telemetry/snapshot.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** The tables of `dyninka telemetry show`. `~` is inferred, `(…)` stale. */
export function snapshotText(snapshot: Snapshot): string {
  const { edges, functions, nodes, roundTrips, refused } = snapshot
  const parts = [
    table(
      columns('EDGE', 'RECORDS/S', 'BYTES/S', 'P50', 'P99', 'LAG'),
      edges.map(edge => [nameOf(edge), ...edgeCells(edge)]),
    ),
    table(
      columns('HOST OF', 'CPU', 'MEMORY', 'HANDLER', 'BUSY'),
      functions.map(each => [each.name, ...functionCells(each)]),
    ),
  ]
  if (roundTrips.length > 0) {
    const rows = roundTrips.map(({ node, broker, rttMs }) => [`${node} ↔ ${broker}`, cell(rttMs, ms)])
    parts.push(table(columns('ROUND TRIP', 'MS'), rows))
  }
  const told = nodes.filter(({ usage }) => usage)
  if (told.length > 0) {
    const rows = told.map(({ name, usage }) => [name, ...useCells(usage!.all), ...useCells(usage!.others)])
    parts.push(table(columns('NODE', 'CPU', 'MEMORY', 'CPU OF OTHERS', 'MEMORY OF OTHERS'), rows))
  }
  parts.push(...unmeasuredText(nodes))
  const ignored = edges.filter(edge => sumOf(edge.ignored) > 0)
  if (ignored.length > 0) parts.push(ignored.map(ignoredText).join('\n'))
  if (sumOf(refused) > 0) parts.push(refusedText(refused))
  return parts.join('\n\n')
}

export function refusedText(refused: Record<string, number>): string {
  const text = `Reports of telemetry not used: ${listed(refused)}.`
  if (!refused.foreign) return text
  return `${text}\n  Does another controller run a dataflow of this name on this broker?`
}

function ignoredText(edge: EdgeFigures): string {
  const why = listed({ ...edge.ignored })
  return `${paint('bold', nameOf(edge))}: latencies not used: ${why}. Do the clocks agree?`
}

const columns = (first: string, ...others: string[]) => [
  { head: first },
  ...others.map(head => ({ head, align: 'right' as const })),
]

const nameOf = ({ from, output, to }: EdgeFigures) =>
  `${from}${output === 'default' ? '' : `.${output}`} → ${to}`

const edgeCells = ({ recordsPerSecond, bytesPerSecond, latencyMs, lagRecords }: EdgeFigures) => [
  cell(recordsPerSecond, rate),
  cell(bytesPerSecond, rate),
  cell(latencyMs?.p50, ms),
  cell(latencyMs?.p99, ms),
  cell(lagRecords, rate),
]

const functionCells = ({ cpuMillis, memoryBytes, handlerMs, busy }: FunctionFigures) => [
  cell(cpuMillis, millis),
  cell(memoryBytes, megabytes),
  cell(handlerMs, ms),
  cell(busy, value => `${(100 * value).toFixed(0)} %`),
]

const useCells = ({ cpuMillis, memoryBytes }: UseFigures) => [
  cell(cpuMillis, millis),
  cell(memoryBytes, megabytes),
]

/** Why it is not known what nodes take now, each reason once. */
function unmeasuredText(nodes: NodeFigures[]): string[] {
  const reasons = Map.groupBy(nodes, ({ unmeasured }) => unmeasured)
  return [...reasons].flatMap(([reason, those]) => {
    if (reason === undefined) return []
    const of = those.length === nodes.length ? 'nodes' : those.map(({ name }) => name).join(', ')
    return [`What other programs take of ${of} is not measured now: ${reason}.`]
  })
}

function cell(figure: Figure | undefined, text: (value: number) => string): string {
  if (!figure) return '-'
  const shown = `${figure.source === 'inferred' ? '~' : ''}${text(figure.value)}`
  return figure.isStale ? paint('dim', `(${shown})`) : shown
}

const millis = (value: number) => `${Math.round(value)}m`
const megabytes = (value: number) => `${(value / 1e6).toFixed(0)} MB`
const rate = (value: number) => value.toFixed(value < 100 ? 1 : 0)
const ms = (value: number) => `${value.toFixed(value < 10 ? 2 : 0)} ms`

const sumOf = (counts: Record<string, number>) => Object.values(counts).reduce((sum, count) => sum + count, 0)

const listed = (counts: Record<string, number>) =>
  Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => `${count} ${reason}`)
    .join(', ')
