import type { Finding } from '../../schema/finding.ts'
import type { Advice, Move, Plan, Situation } from './advice.ts'
import type { EdgeCost } from './evaluate.ts'
import { mermaid } from './mermaid.ts'

export interface SuggestionText {
  /** One line, also the subject of the commit. */
  title: string
  /** Markdown. */
  body: string
}

/** What a reviewer reads: what moves, what it saves, how sure that is, and what else there was. Pure.
 *  @param telemetry name of the file to replay it from, and options that go with it
 *  @param contradiction where rules that can't all hold are written */
export function suggestionText(
  flow: string,
  { mean, current, away = [] }: Situation,
  { current: before, plans, runnerUp }: Advice,
  plan: Plan,
  telemetry: string,
  contradiction: readonly Finding[] = [],
): SuggestionText {
  const { moves, answer, decision } = plan
  const { benefit, movingCost, grounds } = decision
  const moved = new Set(moves.map(({ item }) => item))
  const names = moves.map(({ item, to }) => `${item} to ${to.zone}`).join(', ')
  const body = [
    `Moves ${listed(moves)}.`,
    `**Saves ${money(benefit.mean)} an hour** (between ${money(benefit.low)} and ${money(benefit.high)} with 90 % confidence, ` +
      `from ${benefit.windows} windows), ${share(benefit.mean, before.cost - before.terms.migration)} of what it costs now. ` +
      `Moving costs ${money(movingCost)} once. With that, as a share of each hour, no answer can cost less than ` +
      `${money(answer.bound ?? Number.NaN)} an hour; this one costs ${money(answer.cost)}.`,
    ...(away.length > 0
      ? [
          `${away.map(code).join(', ')} could not be used where the file has it, and runs elsewhere since, as going back does ` +
            'not pay. It is reckoned from where the file has it.',
        ]
      : []),
    ...(contradiction.length > 0 ? [contradictionText(contradiction)] : []),
    '### Before',
    fenced('mermaid', mermaid(mean, current, moved)),
    '### After',
    fenced('mermaid', mermaid(mean, answer.placement, moved)),
    '### Edges that change',
    edgeTable(before.edges, answer.evaluation.edges),
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
        money(each.decision.benefit.mean),
        each === plan ? 'this one' : each.decision.isOffered ? 'yes' : 'no',
      ]),
    ),
    ...(runnerUp ? ['### What comes second', secondText(runnerUp)] : []),
    '### To undo it',
    'Revert the merge: functions move back, and no record is lost on either way.',
    '### To replay it',
    `\`dyninka suggest --telemetry ${telemetry}\` gives the same answer from the same figures, in the folder of the dataflow.`,
  ]
  return { title: `${flow}: move ${names}`, body: `${body.join('\n\n')}\n` }
}

/** Rules that no placement keeps all of, by line of the file. */
export const contradictionText = (findings: readonly Finding[]): string =>
  [
    '### Rules that can not all hold',
    findings
      .map(({ file, line, column, message }) => `- \`${file}:${line}:${column}\` ${message}`)
      .join('\n'),
  ].join('\n\n')

function edgeTable(before: EdgeCost[], after: EdgeCost[]): string {
  const changed = before.flatMap((edge, i) => {
    const now = after[i]!
    if (way(edge) === way(now)) return []
    return [
      [
        code(edge.edge),
        `${way(edge)} ⇒ ${way(now)}`,
        number(edge.gibPerHour),
        change(edge.cost, now.cost),
        change(edge.latencyMs, now.latencyMs),
      ],
    ]
  })
  return table(['edge', 'producer → broker → consumer', 'GiB/h', 'cost an hour', 'latency, ms'], changed)
}

const secondText = ({ change: { item, zone }, costMore }: NonNullable<Advice['runnerUp']>) =>
  `${code(item)} in ${zone}, and the rest as it is best then: ${money(costMore)} an hour more.`

const way = ({ from, broker, to }: EdgeCost) => [from ?? '·', broker, to ?? '·'].join(' → ')

const listed = (moves: Move[]) =>
  moves
    .map(({ item, from, to }) => `${code(item)} from ${from?.zone ?? 'nowhere'} to ${to.zone}`)
    .join(', ') || 'nothing'

const change = (before: number, after: number) => `${number(before)} ⇒ ${number(after)}`

const fenced = (language: string, text: string) => `\`\`\`${language}\n${text}\n\`\`\``

function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const code = (text: string) => `\`${text.replaceAll('`', '')}\``
const number = (value: number) => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'unknown')
const money = number
const share = (part: number, whole: number) => `${((100 * part) / whole).toFixed(1)} %`
