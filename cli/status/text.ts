import { ago } from '../ago.ts'
import type { Condition, Dataflow, FunctionStatus, Status } from '../api/status.ts'
import { findingsText } from '../finding-text.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** The table of `dyninka status`. */
export function statusText({ dataflows, source }: Status): string {
  const { trouble, revision } = source
  const parts = dataflows.map(section)
  if (trouble)
    parts.unshift(`${paint('red', '✗')} ${trouble.message}\n  ${paint('cyan', '→')} ${trouble.hint}`)
  else if (parts.length === 0) {
    parts.push(revision ? `${short(revision)} has no dataflow.yaml.` : 'Nothing has been read yet.')
  }
  return parts.join('\n\n')
}

function section(flow: Dataflow): string {
  const { glyph, text } = verdict(flow.conditions)
  const revision = flow.revision ? `runs ${short(flow.revision)}` : 'nothing runs yet'
  const parts = [`${glyph} ${paint('bold', flow.name)}  ${text}  ${paint('dim', revision)}`]
  if (flow.findings.length > 0)
    parts.push('The newest revision is not what runs:', findingsText(flow.findings, flow.folder))
  else parts.push(...detail(flow.conditions))
  if (flow.functions.length > 0) parts.push('', indent(table(columns, flow.functions.map(row))))
  const trouble = flow.functions.filter(({ message }) => message)
  if (trouble.length > 0)
    parts.push('', ...trouble.map(({ name, message }) => `  ${paint('bold', name)}: ${message}`))
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
    .map(message => `  ${short(message)}`)

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
  `${node} ${paint('dim', pid ? `pid ${pid}${startedAt ? `, ${ago(startedAt)}` : ''}` : 'no process')}`

const phaseColour: Record<string, 'green' | 'red'> = { Running: 'green', Failed: 'red' }

/** Cuts revisions in a text to as much as people read: `main@sha1:1234567`. */
export const short = (text: string) => text.replaceAll(/(@sha[0-9]+:[0-9a-f]{7})[0-9a-f]+/g, '$1')

const indent = (text: string) => text.replace(/^/gm, '  ')
