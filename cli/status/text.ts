import { ago } from '../ago.ts'
import type { Condition, Dataflow, FunctionStatus, Status } from '../api/status.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** The table of `dyninka status`. */
export function statusText({ dataflows }: Status): string {
  if (dataflows.length === 0) return 'No dataflow yet: the controller has found none in what it follows.'
  return dataflows.map(section).join('\n\n')
}

function section(flow: Dataflow): string {
  const { glyph, text } = verdict(flow.conditions)
  const head = `${glyph} ${paint('bold', flow.name)}  ${text}  ${paint('dim', flow.revision ? short(flow.revision) : 'nothing deployed yet')}`
  const trouble = flow.functions
    .filter(({ message }) => message)
    .map(({ name, message }) => `  ${name}: ${message}`)
  const parts = [head, ...detail(flow.conditions)]
  if (flow.functions.length > 0) parts.push('', indent(table(columns, flow.functions.map(row))))
  if (trouble.length > 0) parts.push('', ...trouble)
  return parts.join('\n')
}

function verdict(conditions: Condition[]): { glyph: string; text: string } {
  const holds = (type: Condition['type']) => conditions.find(c => c.type === type && c.status === 'True')
  const stalled = holds('Stalled')
  if (stalled) return { glyph: paint('red', '✗'), text: paint('red', `Stalled (${stalled.reason})`) }
  const ready = holds('Ready')
  if (ready) return { glyph: paint('green', '✓'), text: `${paint('green', 'Ready')} for ${ago(ready.at)}` }
  const busy = holds('Reconciling') ?? conditions.find(c => c.type === 'Ready')
  return { glyph: paint('yellow', '…'), text: paint('yellow', busy?.reason ?? 'Reconciling') }
}

const detail = (conditions: Condition[]) =>
  conditions
    .filter(({ type, status }) => (type === 'Ready' ? status === 'False' : status === 'True'))
    .map(({ message }) => message)
    .filter((message, index, all) => message && all.indexOf(message) === index)
    .map(message => `  ${message}`)

const columns = [
  ...[{ head: 'NAME' }, { head: 'KIND' }, { head: 'PHASE' }, { head: 'HOST' }, { head: 'CODE' }],
  ...(['IN', 'OUT', 'LAG', 'RETRIES', 'DEAD'] as const).map(head => ({ head, align: 'right' as const })),
]

function row(node: FunctionStatus): string[] {
  const { name, kind, phase, hosts, artifact, recordsIn, recordsOut, lag, retries, deadLetters } = node
  return [
    ...[name, kind, paint(phaseColour[phase] ?? 'yellow', phase), hosts.map(hostText).join(', ') || '-'],
    kind === 'function' && artifact ? artifact.replace('sha256:', '').slice(0, 8) : '-',
    ...[String(recordsIn), String(recordsOut), String(lag), String(retries)],
    deadLetters > 0 ? paint('red', String(deadLetters)) : '0',
  ]
}

const hostText = ({ node, pid, startedAt }: FunctionStatus['hosts'][number]) =>
  `${node} ${paint('dim', `pid ${pid}, ${ago(startedAt)}`)}`

const phaseColour: Record<string, 'green' | 'red'> = { Running: 'green', Failed: 'red' }

/** `main@sha1:1234567`: as much of a revision as people read. */
export const short = (revision: string) => revision.replace(/(:[0-9a-f]{7})[0-9a-f]+$/, '$1')

const indent = (text: string) => text.replace(/^/gm, '  ')
