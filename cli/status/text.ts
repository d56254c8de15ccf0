import { stripVTControlCharacters } from 'node:util'
import { ago } from '../ago.ts'
import type { Condition, Dataflow, FunctionStatus, Status } from '../api/status.ts'
import { deadText } from '../dead/count.ts'
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
  const troubles = functions.flatMap(({ name, message, unreadDeadLetters = 0 }) => [
    ...(message ? [`  ${paint('bold', name)}: ${troubleText(message)}`] : []),
    ...(unreadDeadLetters > 0 ? [`  ${deadText(name, unreadDeadLetters)}`] : []),
  ])
  if (findings.length > 0) parts.push('The newest revision is not what runs:', findingsText(findings, folder))
  else if (troubles.length === 0) parts.push(...detail(conditions))
  if (functions.length > 0) parts.push('', indent(functionsTable(functions)))
  const scaled = functions.flatMap(({ name, scale }) =>
    scale?.reason ? [paint('dim', `  ${name}: ${scale.reason}, ${ago(scale.at)} ago`)] : [],
  )
  if (scaled.length > 0) parts.push('', ...scaled)
  if (troubles.length > 0) parts.push('', ...troubles)
  const unheeded = conditions.find(({ type }) => type === 'Unheeded')
  if (unheeded) parts.push('', paint('dim', `  Not done: ${unheeded.message}`))
  return parts.join('\n')
}

function verdict(conditions: Condition[], functions: FunctionStatus[]): { glyph: string; text: string } {
  const holds = (type: Condition['type']) => conditions.find(c => c.type === type && c.status === 'True')
  const stalled = holds('Stalled')
  if (stalled) return { glyph: paint('red', '✗'), text: paint('red', `Stalled (${stalled.reason})`) }
  const ready = holds('Ready')
  const dead = functions.filter(({ unreadDeadLetters }) => unreadDeadLetters).map(({ name }) => name)
  if (ready && dead.length > 0) {
    const text = `Ready, but ${dead.length > 1 ? `${dead.length} functions give` : `${dead[0]} gives`} records up`
    return { glyph: paint('yellow', '!'), text: paint('yellow', text) }
  }
  if (ready) return { glyph: paint('green', '✓'), text: `${paint('green', 'Ready')} for ${ago(ready.at)}` }
  const failed = functions.filter(({ phase }) => phase === 'Failed').length
  if (failed > 0) return { glyph: paint('red', '✗'), text: paint('red', `${failed} failed`) }
  const busy = holds('Reconciling') ?? conditions.find(c => c.type === 'Ready')
  return { glyph: paint('yellow', '…'), text: paint('yellow', busy?.reason ?? 'Reconciling') }
}

const detail = (conditions: Condition[]) =>
  conditions
    .filter(({ type }) => type !== 'Unheeded')
    .filter(({ type, status }) => (type === 'Ready' ? status === 'False' : status === 'True'))
    .map(({ message, hint }) => (hint ? `${message}\n  ${paint('cyan', '→')} ${hint}` : message))
    .filter((message, index, all) => message && all.indexOf(message) === index)
    .map(message => `  ${short(message)}`)

/** 2: all columns fit, 1: what matters, 0: what must be. */
type Room = 0 | 1 | 2

interface Column {
  head: string
  align?: 'right'
  /** Only where there is so much room. */
  room?: Room
  /** Left out where no row needs it. */
  isNeeded?: (node: FunctionStatus) => boolean
  cell: (node: FunctionStatus, room: Room) => string
}

const columns: Column[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'KIND', room: 2, cell: ({ kind }) => kind },
  { head: 'PHASE', cell: ({ phase }) => paint(phaseColour[phase] ?? 'yellow', phase) },
  { head: 'HOST', cell: ({ hosts }, room) => hostsText(hosts, room) },
  {
    head: 'CODE',
    room: 1,
    cell: ({ kind, artifact }) => (kind === 'function' && artifact.slice(7, 15)) || '-',
  },
  { head: 'IN', align: 'right', cell: ({ recordsIn }) => String(recordsIn) },
  { head: 'OUT', align: 'right', cell: ({ recordsOut }) => String(recordsOut) },
  { head: 'LAG', align: 'right', cell: ({ lag }) => String(lag) },
  { head: 'RETRIES', align: 'right', room: 2, cell: ({ retries }) => String(retries) },
  {
    head: 'DROPPED',
    align: 'right',
    isNeeded: ({ dropped = 0 }) => dropped > 0,
    cell: ({ dropped = 0 }) => (dropped > 0 ? paint('red', String(dropped)) : '0'),
  },
  {
    head: 'DEAD',
    align: 'right',
    cell: ({ deadLetters }) => (deadLetters > 0 ? paint('red', String(deadLetters)) : '0'),
  },
]

const WIDE = 100
const NARROW = 60
const INDENT = 2
const MANY = 4

/** With as many columns as fit. */
function functionsTable(functions: FunctionStatus[]): string {
  const width = Math.max(process.stdout.columns ?? WIDE, NARROW) - INDENT
  const fits = (text: string) =>
    text.split('\n').every(line => stripVTControlCharacters(line).length <= width)
  for (const room of [2, 1] as const) {
    const text = tableOf(functions, room)
    if (fits(text)) return text
  }
  return tableOf(functions, 0)
}

function tableOf(functions: FunctionStatus[], room: Room): string {
  const shown = columns.filter(
    ({ room: needed = 0, isNeeded }) => room >= needed && (!isNeeded || functions.some(isNeeded)),
  )
  return table(
    shown,
    functions.map(node => shown.map(column => column.cell(node, room))),
  )
}

/** A line for each; of many, the first few. */
function hostsText(hosts: FunctionStatus['hosts'], room: Room): string {
  if (hosts.length === 0) return '-'
  const lines = hosts.map(host => hostText(host, room))
  if (lines.length <= MANY) return lines.join('\n')
  return [...lines.slice(0, MANY - 1), paint('dim', `and ${lines.length - MANY + 1} more`)].join('\n')
}

function hostText({ node, pid, startedAt }: FunctionStatus['hosts'][number], room: Room): string {
  if (!pid) return `${node} ${paint('dim', 'no process')}`
  if (room === 0) return paint('dim', `pid ${pid}`)
  return `${node} ${paint('dim', `pid ${pid}${room === 2 && startedAt ? `, ${ago(startedAt)}` : ''}`)}`
}

const phaseColour: Record<string, 'green' | 'red' | 'dim'> = { Running: 'green', Idle: 'dim', Failed: 'red' }

/** Cuts revisions in a text to as much as people read: `main@sha1:1234567`. */
export const short = (text: string) => text.replaceAll(/(@sha[0-9]+:[0-9a-f]{7})[0-9a-f]+/g, '$1')

const indent = (text: string) => text.replace(/^/gm, '  ')
