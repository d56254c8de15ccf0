import type { Elsewhere } from '../../controller/placement/explain.ts'
import { paint } from '../paint.ts'
import { table } from '../table.ts'

/** What each node would cost for one function, the best first. */
export function explainText(name: string, places: Elsewhere[]): string {
  const here = places.find(({ isCurrent }) => isCurrent)
  const terms = (['network', 'latency', 'overload', 'node', 'preference'] as const).filter(term =>
    places.some(place => place.terms[term] !== 0),
  )
  const rows = places.map(place => [
    place.isCurrent ? paint('bold', `${place.node} (now)`) : place.node,
    place.zone,
    number(place.cost),
    here ? signed(place.cost - here.cost) : '',
    ...terms.map(term => number(place.terms[term])),
    place.broken.length > 0 ? paint('red', place.broken.join('; ')) : '',
  ])
  const columns = [
    { head: 'NODE' },
    { head: 'ZONE' },
    { head: 'COST/H', align: 'right' as const },
    { head: 'AGAINST NOW', align: 'right' as const },
    ...terms.map(term => ({ head: term.toUpperCase(), align: 'right' as const })),
    { head: 'WHY NOT' },
  ]
  return `${paint('bold', name)}, all else as it is:\n\n${table(columns, rows)}`
}

const number = (value: number) => String(Number(value.toPrecision(3)))
const signed = (value: number) => (value > 0 ? `+${number(value)}` : number(value))
