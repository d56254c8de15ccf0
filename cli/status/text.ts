import { ago } from '../ago.ts'
import type { Condition, Dataflow, FunctionStatus, Status } from '../api/status.ts'
import { findingsText } from '../finding-text.ts'
import { troubleText } from '../log-text.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** The table of `dyninka status`. */
export function statusText({ dataflows, source }: Status): string {
  const { trouble, revision } = source
  const parts = dataflows.map(section)
  if (trouble)
    parts.unshift(`${paint('red', '✗')} ${short(trouble.message)}\n  ${paint('cyan', '→')} ${trouble.hint}`)
  else if (parts.length === 0) {
    parts.push(revision ? `${short(revision)} has no dataflow.yaml.` : 'Nothing has been read yet.')
  }
  return parts.join('\n\n')
}

function section({ name, folder, revision, conditions, findings, functions }: Dataflow): string {
  const { glyph, text } = verdict(conditions, functions)
  const runs = revision ? `runs ${short(revision)}` : 'nothing runs yet'
  const parts = [`${glyph} ${paint('bold', name)}  ${text}  ${paint('dim', runs)}`]
  const troubles = functions.flatMap(({ name, message }) =>
    message ? [`  ${paint('bold', name)}: ${troubleText(message)}`] : [],
  )
  if (findings.length > 0) parts.push('The newest revision is not what runs:', findingsText(findings, folder))
  else if (troubles.length === 0) parts.push(...detail(conditions))
  if (functions.length > 0) parts.push('', indent(functionsTable(functions)))
  if (troubles.length > 0) parts.push('', ...troubles)
  return parts.join('\n')
}

function verdict(conditions: Condition[], functions: FunctionStatus[]): { glyph: string; text: string } {
  const holds = (type: Condition['type']) => conditions.find(c => c.type === type && c.status === 'True')
  const stalled = holds('Stalled')
  if (stalled) return { glyph: paint('red', '✗'), text: paint('red', `Stalled (${stalled.reason})`) }
  const ready = holds('Ready')
  if (ready) return { glyph: paint('green', '✓'), text: `${paint('green', 'Ready')} for ${ago(ready.at)}` }
  const failed = functions.filter(({ phase }) => phase === 'Failed').length
  if (failed > 0) return { glyph: paint('red', '✗'), text: paint('red', `${failed} failed`) }
  const busy = holds('Reconciling') ?? conditions.find(c => c.type === 'Ready')
  return { glyph: paint('yellow', '…'), text: paint('yellow', busy?.reason ?? 'Reconciling') }
}

const detail = (conditions: Condition[]) =>
  conditions
    .filter(({ type, status }) => (type === 'Ready' ? status === 'False' : status === 'True'))
    .map(({ message }) => message)
    .filter((message, index, all) => message && all.indexOf(message) === index)
    .map(message => `  ${short(message)}`)

interface Column {
  head: string
  align?: 'right'
  /** Left out where the terminal is narrow. */
  wide?: true
  cell: (node: FunctionStatus, wide: boolean) => string
}

const columns: Column[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'KIND', wide: true, cell: ({ kind }) => kind },
  { head: 'PHASE', cell: ({ phase }) => paint(phaseColour[phase] ?? 'yellow', phase) },
  { head: 'HOST', cell: ({ hosts }, wide) => hosts.map(host => hostText(host, wide)).join(', ') || '-' },
  { head: 'CODE', cell: ({ kind, artifact }) => (kind === 'function' && artifact.slice(7, 15)) || '-' },
  { head: 'IN', align: 'right', cell: ({ recordsIn }) => String(recordsIn) },
  { head: 'OUT', align: 'right', cell: ({ recordsOut }) => String(recordsOut) },
  { head: 'LAG', align: 'right', cell: ({ lag }) => String(lag) },
  { head: 'RETRIES', align: 'right', wide: true, cell: ({ retries }) => String(retries) },
  {
    head: 'DEAD',
    align: 'right',
    cell: ({ deadLetters }) => (deadLetters > 0 ? paint('red', String(deadLetters)) : '0'),
  },
]

const WIDE = 100

function functionsTable(functions: FunctionStatus[]): string {
  const isWide = (process.stdout.columns ?? WIDE) >= WIDE
  const shown = columns.filter(column => isWide || !column.wide)
  return table(
    shown,
    functions.map(node => shown.map(column => column.cell(node, isWide))),
  )
}

function hostText({ node, pid, startedAt }: FunctionStatus['hosts'][number], wide: boolean): string {
  if (!pid) return `${node} ${paint('dim', 'no process')}`
  return `${node} ${paint('dim', `pid ${pid}${wide && startedAt ? `, ${ago(startedAt)}` : ''}`)}`
}

const phaseColour: Record<string, 'green' | 'red'> = { Running: 'green', Failed: 'red' }

/** Cuts revisions in a text to as much as people read: `main@sha1:1234567`. */
export const short = (text: string) => text.replaceAll(/(@sha[0-9]+:[0-9a-f]{7})[0-9a-f]+/g, '$1')

const indent = (text: string) => text.replace(/^/gm, '  ')
