import type { Alternative } from '../../controller/placement/explain.ts'
import { termNames } from '../../controller/placement/term-names.ts'
import type { Placement } from '../../schema/flow.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** What its file says of where it runs: `zone: edge-lyon`, `keep`. */
export const decisionOf = ({ zone, node, keep }: Placement): string[] => [
  ...(zone === undefined ? [] : [`zone: ${zone}`]),
  ...(node === undefined ? [] : [`node: ${node}`]),
  ...(keep ? ['keep'] : []),
]

/** Why a function is where it is: what its file says, and what each other zone would cost more, the best first. */
export function explainText(
  name: string,
  here: { node: string; zone: string },
  why: string[],
  others: Alternative[],
): string {
  const says = why.map(each => `\`${each}\``).join(' and ')
  const decided = why.length > 0 ? `its file says ${says}` : 'its file leaves that open'
  const title = `${paint('bold', name)} is on ${here.node} in ${here.zone}: ${decided}.`
  if (others.length === 0) return `${title} There is no other zone.`
  const rows = others.map(({ zone, node, costMore, more, breaks }) => [
    zone,
    node,
    signed(costMore),
    termNames
      .flatMap(([term, said]) => (more[term] === undefined ? [] : [`${said} ${signed(more[term])}`]))
      .join(', '),
    breaks.length > 0 ? paint('red', `breaks ${breaks.join(', ')}`) : '',
  ])
  const columns = [
    { head: 'ELSEWHERE' },
    { head: 'NODE' },
    { head: 'COST/H', align: 'right' as const },
    { head: 'MADE OF' },
    { head: 'WHY NOT' },
  ]
  return `${title} All else as it is, it would cost:\n\n${table(columns, rows)}`
}

const signed = (value: number) => `${value > 0 ? '+' : ''}${Number(value.toPrecision(3))}`
