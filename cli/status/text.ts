import { stripVTControlCharacters } from 'node:util'
import { ago } from '../ago.ts'
import type { Condition, Dataflow, FunctionStatus, Host, Status, Trouble } from '../api/status.ts'
import { deadText } from '../dead/count.ts'
import { findingsText } from '../finding-text.ts'
import { troubleText } from '../log-text.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'
import { refusedText } from '../telemetry/text.ts'

/** The table of `dyninka status`. */
export function statusText({ dataflows, source }: Status): string {
  const { trouble, revision } = source
  const parts = dataflows.flatMap(flow => [...(flow.trouble ? [reading(flow.trouble)] : []), section(flow)])
  if (trouble && !dataflows.some(flow => flow.trouble)) parts.unshift(reading(trouble))
  else if (parts.length === 0) {
    parts.push(revision ? `${short(revision)} has no dataflow.yaml.` : 'Nothing has been read yet.')
  }
  return parts.join('\n\n')
}

const reading = ({ message, hint }: Trouble) =>
  `${paint('red', '✗')} ${short(message)}\n  ${paint('cyan', '→')} ${hint}`

function section(dataflow: Dataflow): string {
  const { folder, revision, conditions, findings, functions, suspended, namespace } = dataflow
  const { glyph, text } = verdict(conditions, functions)
  const runs = revision ? `runs ${short(revision)}` : 'nothing runs yet'
  // As one can type it.
  const place = namespace === undefined ? '' : ` -n ${namespace}`
  const left = suspended ? `${paint('yellow', 'suspended')}  ` : ''
  const parts = [`${glyph} ${titleOf(dataflow)}  ${text}  ${left}${paint('dim', runs)}`]
  const troubles = functions.flatMap(({ name, message, unreadDeadLetters = 0 }) => [
    ...(message ? [`  ${paint('bold', name)}: ${troubleText(message)}`] : []),
    ...(unreadDeadLetters > 0 ? [`  ${deadText(name, unreadDeadLetters, place)}`] : []),
  ])
  if (findings.length > 0) parts.push('The newest revision is not what runs:', findingsText(findings, folder))
  else if (troubles.length === 0) parts.push(...detail(conditions))
  if (functions.length > 0) parts.push('', indent(functionsTable(functions, namespace !== undefined)))
  const scaled = functions.flatMap(({ name, scale }) =>
    scale?.reason ? [paint('dim', `  ${name}: ${scale.reason}, ${ago(scale.at)} ago`)] : [],
  )
  if (scaled.length > 0) parts.push('', ...scaled)
  const placed = functions.flatMap(({ name, placed }) => (placed ? [placedText(name, placed, place)] : []))
  if (placed.length > 0) parts.push('', ...placed)
  if (troubles.length > 0) parts.push('', ...troubles)
  const { telemetryRefused, suggestion } = dataflow
  if (suggestion && suggestion.state !== 'withdrawn') parts.push('', suggestionLine(suggestion))
  if (telemetryRefused) parts.push('', paint('dim', `  ${refusedText(telemetryRefused)}`))
  const unheeded = conditions.find(({ type }) => type === 'Unheeded')
  if (unheeded) parts.push('', paint('dim', `  Not done: ${unheeded.message}`))
  return parts.join('\n')
}

function suggestionLine({ state, moves, savesPerHour, url, message }: NonNullable<Dataflow['suggestion']>) {
  if (state === 'failed') return paint('yellow', `  No suggestion: ${message}`)
  const what = moves.map(({ function: name, zone }) => `${name} to ${zone}`).join(', ') || 'a change'
  const saves = savesPerHour === undefined ? '' : `, saves ${Number(savesPerHour.toPrecision(3))} an hour`
  const held = message ? ` (${message})` : ''
  return `  Suggested: move ${what}${saves}${held}${url ? `  ${paint('cyan', url)}` : ''}`
}

/** A Dataflow may run one of another name. */
const titleOf = ({ name, resource = name }: Dataflow) =>
  `${paint('bold', resource)}${resource === name ? '' : ` (${name})`}`

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
    .filter(({ type }) => type !== 'Unheeded' && type !== 'Displaced')
    .filter(({ type, status }) => (type === 'Ready' ? status !== 'True' : status === 'True'))
    .map(({ message, hint }) => (hint ? `${message}\n  ${paint('cyan', '→')} ${hint}` : message))
    .filter((message, index, all) => message && all.indexOf(message) === index)
    .map(message => `  ${short(message)}`)

/** Drift on purpose. */
function placedText(name: string, placed: NonNullable<FunctionStatus['placed']>, namespace: string) {
  const { zone, node, by, reason, at, stays } = placed
  const place = node === undefined ? `zone ${zone}` : `node ${node}`
  const why = {
    move: 'moved by hand, until the next revision',
    when: `as long as ${reason}`,
    failure: stays
      ? `it fled (${reason}), and stays: ${stays.says} (${ago(stays.at)} ago)`
      : `${reason}; it goes back once that has been over for a while, and pays`,
  }[by]
  const to = node === undefined ? zone : `node:${node}`
  const move = `dyninka move ${name}`
  const ways = stays
    ? `\n  ${paint('cyan', '→')} \`${move} --back --now${namespace}\` has it go back, \`${move} --to ${to}\` makes this its place`
    : ''
  return paint('yellow', `  ${name}: in ${place} for ${ago(at)}, and not where its file says: ${why}`) + ways
}

/** 2: all columns fit, 1: what matters, 0: what must be. */
type Room = 0 | 1 | 2

interface Column {
  head: string
  align?: 'right'
  /** Only where there is so much room. */
  room?: Room
  /** Left out where no row needs it. */
  isNeeded?: (node: FunctionStatus) => boolean
  cell: (node: FunctionStatus, room: Room, isInCluster: boolean) => string
}

type Count = 'recordsIn' | 'recordsOut' | 'lag' | 'retries'

/** Left out where nobody tells it. */
const count = (head: string, of: Count, room?: Room): Column => ({
  head,
  align: 'right',
  ...(room && { room }),
  isNeeded: node => node[of] !== undefined,
  cell: node => String(node[of] ?? '-'),
})

const columns: Column[] = [
  { head: 'NAME', cell: ({ name }) => name },
  { head: 'KIND', room: 2, cell: ({ kind }) => kind },
  { head: 'PHASE', cell: ({ phase }) => paint(phaseColour[phase] ?? 'yellow', phase) },
  { head: 'HOST', cell: hostsText },
  {
    head: 'CODE',
    room: 1,
    cell: ({ kind, artifact }) => (kind === 'function' && artifact.slice(7, 15)) || '-',
  },
  count('IN', 'recordsIn'),
  count('OUT', 'recordsOut'),
  count('LAG', 'lag'),
  count('RETRIES', 'retries', 2),
  {
    head: 'DROPPED',
    align: 'right',
    isNeeded: ({ dropped = 0 }) => dropped > 0,
    cell: ({ dropped = 0 }) => (dropped > 0 ? paint('red', String(dropped)) : '0'),
  },
  {
    head: 'DEAD',
    align: 'right',
    isNeeded: ({ deadLetters }) => deadLetters !== undefined,
    cell: ({ deadLetters = 0 }) => (deadLetters > 0 ? paint('red', String(deadLetters)) : '0'),
  },
]

const WIDE = 100
const NARROW = 60
const INDENT = 2
const MANY = 4

/** With as many columns as fit. */
function functionsTable(functions: FunctionStatus[], isInCluster: boolean): string {
  const width = Math.max(process.stdout.columns ?? WIDE, NARROW) - INDENT
  const fits = (text: string) =>
    text.split('\n').every(line => stripVTControlCharacters(line).length <= width)
  for (const room of [2, 1] as const) {
    const text = tableOf(functions, room, isInCluster)
    if (fits(text)) return text
  }
  return tableOf(functions, 0, isInCluster)
}

function tableOf(functions: FunctionStatus[], room: Room, isInCluster: boolean): string {
  const shown = columns.filter(
    ({ room: needed = 0, isNeeded }) => room >= needed && (!isNeeded || functions.some(isNeeded)),
  )
  return table(
    shown,
    functions.map(node => shown.map(column => column.cell(node, room, isInCluster))),
  )
}

/** A line for each; of many, the first few. */
function hostsText({ hosts, hostCount = 0 }: FunctionStatus, room: Room, isInCluster: boolean): string {
  if (!hosts) return hostCount === 0 ? '-' : `${hostCount} ${hostCount === 1 ? 'host' : 'hosts'}`
  if (hosts.length === 0) return '-'
  const lines = hosts.map(host => (isInCluster && !host.pid ? podText(host, room) : hostText(host, room)))
  if (lines.length <= MANY) return lines.join('\n')
  return [...lines.slice(0, MANY - 1), paint('dim', `and ${lines.length - MANY + 1} more`)].join('\n')
}

function hostText({ node, pid, startedAt }: Host, room: Room): string {
  if (!pid) return `${node} ${paint('dim', 'no process')}`
  if (room === 0) return paint('dim', `pid ${pid}`)
  return `${node} ${paint('dim', `pid ${pid}${room === 2 && startedAt ? `, ${ago(startedAt)}` : ''}`)}`
}

function podText({ node, startedAt }: Host, room: Room): string {
  if (!node) return paint('dim', 'no node yet')
  return room > 0 && startedAt ? `${node} ${paint('dim', ago(startedAt))}` : node
}

const phaseColour: Record<string, 'green' | 'red' | 'dim'> = { Running: 'green', Idle: 'dim', Failed: 'red' }

/** Cuts revisions in a text to as much as people read: `main@sha1:1234567`. */
export const short = (text: string) => text.replaceAll(/(@sha[0-9]+:[0-9a-f]{7})[0-9a-f]+/g, '$1')

const indent = (text: string) => text.replace(/^/gm, '  ')
