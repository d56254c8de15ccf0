import type { Finding } from '../../schema/finding.ts'
import type { Advice, Move, Plan, Situation } from './advice.ts'
import { edgesText } from './edges-text.ts'
import type { Evaluation } from './evaluate.ts'
import { code, fenced, number, share, table } from './markdown-parts.ts'
import { mermaid } from './mermaid.ts'
import { termNames } from './term-names.ts'

export interface SuggestionText {
  /** One line, also the subject of the commit. */
  title: string
  /** Markdown. */
  body: string
}

/** Names that are spelled out: in a title, and elsewhere. */
const [mostInTitle, mostNames] = [3, 12]
/** Rows of ways from source to sink. */
const mostPaths = 10

/** What a reviewer reads: what moves, what it saves, how sure that is, and what else there was. Pure.
 *  @param telemetry name of the file to replay it from, and options that go with it
 *  @param contradiction where rules that can't all hold are written */
export function suggestionText(
  flow: string,
  { mean, current, starts, newest, inferred = new Set(), away = [] }: Situation,
  { current: before, plans, runnerUp }: Advice,
  plan: Plan,
  telemetry: string,
  contradiction: readonly Finding[] = [],
): SuggestionText {
  const { moves, answer, decision } = plan
  const { benefit, movingCost, grounds } = decision
  const moved = new Set(moves.map(({ item }) => item))
  const body = [
    `Moves ${listed(moves)}.`,
    `**Saves ${number(benefit.mean)} an hour** (between ${number(benefit.low)} and ${number(benefit.high)} with 90 % confidence, ` +
      `from ${benefit.windows} windows, ${spanOf(starts[0] ?? newest, newest)}), ` +
      `${share(benefit.mean, before.cost - before.terms.migration)} of what it costs now. ` +
      certified(plan, movingCost, mean.tariff.horizonHours),
    ...(away.length > 0 ? [awayText(away)] : []),
    ...(contradiction.length > 0 ? [contradictionText(contradiction)] : []),
    '### What it costs an hour',
    termTable(before, answer.evaluation),
    ...pathText(before, answer.evaluation, mean.goal.latency),
    '### Before',
    fenced('mermaid', mermaid(mean, current, moved)),
    '### After',
    fenced('mermaid', mermaid(mean, answer.placement, moved)),
    '### Edges that change',
    edgesText(mean, inferred, before.edges, answer.evaluation.edges),
    '### Why',
    table(
      ['', 'ground', 'figures'],
      grounds.map(({ rule, holds, says }) => [holds ? '✓' : '✗', rule, says]),
    ),
    '### With fewer moves, or more',
    table(
      ['moves', 'which', 'saves an hour', 'offered'],
      plans.map(each => [
        String(each.moves.length),
        listed(each.moves),
        number(each.decision.benefit.mean),
        each === plan ? 'this one' : each.decision.isOffered ? 'yes' : 'no',
      ]),
    ),
    ...(runnerUp ? ['### What comes second', secondText(runnerUp)] : []),
    '### To undo it',
    'Revert the merge: functions move back, and no record is lost on either way.',
    '### To replay it',
    `\`dyninka suggest --telemetry ${telemetry}\` gives the same answer from the same figures, in the folder of the dataflow.`,
  ]
  return { title: `${flow}: move ${titled(moves)}`, body: `${body.join('\n\n')}\n` }
}

/** Rules that no placement keeps all of, by line of the file. */
export const contradictionText = (findings: readonly Finding[]): string =>
  [
    '### Rules that can not all hold',
    findings
      .map(({ file, line, column, message }) => `- \`${file}:${line}:${column}\` ${message}`)
      .join('\n'),
  ].join('\n\n')

function certified({ answer: { bound, gap, cost } }: Plan, movingCost: number, hours: number): string {
  const costs = `Moving costs ${number(movingCost)} once; spread over ${number(hours)} h, this answer costs ${number(cost)} an hour`
  if (bound === undefined || gap === undefined)
    return `${costs}. How much less another one could is not known.`
  return `${costs}, and none costs less than ${number(bound)}: a gap of ${number(100 * gap)} %.`
}

function termTable(before: Evaluation, after: Evaluation): string {
  const rows = termNames
    .filter(([term]) => before.terms[term] !== 0 || after.terms[term] !== 0)
    .map(([term, name]) => [name, number(before.terms[term]), number(after.terms[term])])
  return table(['', 'now', 'then'], [...rows, ['all', before.cost, after.cost].map(bold)])
}

/** How long records are on their way, those that gain most first. @param perMs money an hour */
function pathText({ paths: before }: Evaluation, { paths: after }: Evaluation, perMs: number): string[] {
  const ways = before.map(({ path, latencyMs }, i) => ({ path, now: latencyMs, later: after[i]!.latencyMs }))
  if (ways.length === 0) return []
  const shown = ways.toSorted((a, b) => b.now - b.later - (a.now - a.later)).slice(0, mostPaths)
  const rows = shown.map(({ path, now, later }) => [code(path), number(now), number(later)])
  const rest = ways.length - shown.length
  return [
    table(['from source to sink', 'ms now', 'then'], rows),
    [
      ...(rest > 0 ? [`And ${rest} more, which gain less.`] : []),
      `Latency costs ${number(perMs)} for each of these milliseconds.`,
    ].join(' '),
  ]
}

const secondText = ({ change: { item, zone }, costMore }: NonNullable<Advice['runnerUp']>) =>
  `${code(item)} in ${zone}, and the rest as it is best then: ${number(costMore)} an hour more.`

/** By where they go to: `parse, join and 4 more to edge-1`. */
const titled = (moves: Move[]) =>
  groups(moves, ({ to }) => to.zone)
    .map(([zone, items]) => `${named(items, items.length <= mostInTitle ? mostInTitle : 1)} to ${zone}`)
    .join(', ')

/** By where they come from and go to. */
const listed = (moves: Move[]) =>
  groups(moves, ({ from, to }) => `from ${from?.zone ?? 'nowhere'} to ${to.zone}`)
    .map(([way, items]) => {
      const names = named(items.map(code), mostNames)
      return items.length > 2 ? `${items.length} ${way}: ${names}` : `${names} ${way}`
    })
    .join('; ') || 'nothing'

/** @param most that are spelled out */
function named(names: string[], most: number): string {
  if (names.length > most) return `${names.slice(0, most).join(', ')} and ${names.length - most} more`
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}

function groups(moves: Move[], keyOf: (move: Move) => string): [key: string, items: string[]][] {
  const items = new Map<string, string[]>()
  for (const move of moves) items.set(keyOf(move), [...(items.get(keyOf(move)) ?? []), move.item])
  return [...items]
}

/** `2026-01-31 08:00:00 to 09:00:00 UTC`. @param start ms since the epoch, as `end` */
function spanOf(start: number, end: number): string {
  const [from, to] = [start, end].map(each => new Date(each).toISOString().slice(0, 19).replace('T', ' '))
  return `${from} to ${from!.slice(0, 10) === to!.slice(0, 10) ? to!.slice(11) : to} UTC`
}

const bold = (cell: string | number) => `**${typeof cell === 'number' ? number(cell) : cell}**`

const awayText = (away: readonly string[]) =>
  `What could not run where the file has it, and is elsewhere since, as going back does not pay: ${away.map(code).join(', ')}. ` +
  'It is reckoned from where the file has it.'
