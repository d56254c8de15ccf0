import type { Outcome } from '../../controller/forge/proposal.ts'
import type { Advice, Move, Plan, Situation } from '../../controller/placement/advice.ts'
import type { Finding } from '../../schema/finding.ts'
import { findingsText } from '../finding-text.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** What a person reads: the plan to take, or what is missing for one, and the others that there are.
 *  @param findings where rules that can't all hold are written */
export function suggestText(
  flow: string,
  { windows, now }: Situation,
  { current, plans, chosen, runnerUp, conflict }: Advice,
  findings: Finding[],
): string {
  const span = `from ${windows.length} windows up to ${new Date(now).toISOString().replace(/\.\d+Z$/, 'Z')}`
  const parts = [`${paint('bold', flow)}  ${paint('dim', span)}`]
  const moving = plans.filter(({ moves }) => moves.length > 0)
  if (current.broken.length > 0)
    parts.push(...current.broken.map(({ rule, detail }) => `${paint('red', '✗')} ${rule}: ${detail}`))
  const shown = chosen ?? moving.at(-1)
  if (conflict)
    parts.push(`${paint('red', '✗')} These can not all hold: ${conflict.join(', ')}`, findingsText(findings))
  if (!shown && conflict) return parts.join('\n')
  if (!shown) return [...parts, '', 'Nothing would be better than where all of it is.'].join('\n')
  const verdict = chosen
    ? paint('green', 'Suggested:')
    : `${paint('yellow', 'Nothing is suggested.')} The best there is:`
  parts.push('', verdict, ...planLines(shown, current.cost))
  if (runnerUp) {
    const { change, costMore } = runnerUp
    parts.push(`  second is ${change.item} in ${change.zone}: ${number(costMore)} an hour more`)
  }
  if (moving.length > 1) parts.push('', otherPlans(moving))
  return parts.join('\n')
}

function planLines({ moves, answer, decision }: Plan, before: number): string[] {
  const { benefit, movingCost, grounds } = decision
  const rest = answer.bound === undefined ? '' : `; no placement costs less than ${number(answer.bound)}`
  return [
    ...moves.map(move => `  move ${moveText(move)}`),
    `  saves ${number(benefit.mean)} an hour of ${number(before)}, for certain ${number(benefit.low)}${rest}`,
    `  moving costs ${number(movingCost)} once`,
    ...grounds.map(
      ({ rule, holds, says }) =>
        `  ${holds ? paint('green', '✓') : paint('red', '✗')} ${rule.padEnd(9)} ${says}`,
    ),
  ]
}

const otherPlans = (plans: Plan[]) =>
  table(
    [
      { head: 'MOVES', align: 'right' },
      { head: 'SAVES/H', align: 'right' },
      { head: 'HOLDS' },
      { head: 'WHICH' },
    ],
    plans.map(({ moves, decision }) => [
      String(moves.length),
      number(decision.benefit.mean),
      decision.isOffered ? 'yes' : 'no',
      moves.map(moveText).join(', '),
    ]),
  )

const moveText = ({ item, from, to }: Move) =>
  from?.zone === to.zone
    ? `${item} from ${from.node} to ${to.node} in ${to.zone}`
    : `${item} from ${from?.zone ?? 'nowhere'} to ${to.zone}`

const number = (value: number) => (Number.isFinite(value) ? String(Number(value.toPrecision(3))) : 'unknown')

export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'nothing':
      return 'There is no pull request, and none is needed.'
    case 'held':
      return `${paint('yellow', 'Left alone:')} ${outcome.message}${outcome.url ? `, ${outcome.url}` : ''}`
    default:
      return `Pull request ${outcome.kind}: ${outcome.url}`
  }
}
