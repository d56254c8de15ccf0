import type { Alternative } from '../../controller/placement/explain.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** Why a function is where it is: what each other zone would cost more, the best first. */
export function explainText(
  name: string,
  here: { node: string; zone: string },
  others: Alternative[],
): string {
  const title = `${paint('bold', name)} is on ${here.node} in ${here.zone}.`
  if (others.length === 0) return `${title} There is no other zone.`
  const rows = others.map(({ zone, node, costMore, breaks }) => [
    zone,
    node,
    `${costMore > 0 ? '+' : ''}${Number(costMore.toPrecision(3))}`,
    breaks.length > 0 ? paint('red', `breaks ${breaks.join(', ')}`) : '',
  ])
  const columns = [
    { head: 'ELSEWHERE' },
    { head: 'NODE' },
    { head: 'COST/H', align: 'right' as const },
    { head: 'WHY NOT' },
  ]
  return `${title} All else as it is, it would cost:\n\n${table(columns, rows)}`
}
