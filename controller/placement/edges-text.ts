import type { EdgeCost } from './evaluate.ts'
import type { Instance } from './instance.ts'
import { change, code, number, table } from './markdown-parts.ts'

/** Rows of a table that a person looks through. */
const most = 30

/** Edges that go another way than before, what that changes, and all that a reader needs to work one of them out. Pure.
 *  @param inferred `from.to` of links whose round trip nobody has measured */
export function edgesText(
  { links, goal }: Instance,
  inferred: ReadonlySet<string>,
  before: readonly EdgeCost[],
  after: readonly EdgeCost[],
): string {
  const changed = before
    .map((now, i) => ({ now, later: after[i]! }))
    .filter(({ now, later }) => way(now) !== way(later))
  const shown =
    changed.length > most ? changed.toSorted((a, b) => weightOf(b) - weightOf(a)).slice(0, most) : changed
  const rows = shown.map(({ now, later }) => [
    code(now.edge),
    way(now),
    way(later),
    number(now.gibPerHour),
    change(now.cost, later.cost),
    change(now.latencyMs, later.latencyMs),
  ])
  const taken = new Set(shown.flatMap(({ now, later }) => [...hops(now), ...hops(later)]))
  const ways = links
    .filter(({ from, to }) => taken.has(`${from} ${to}`) || taken.has(`${to} ${from}`))
    .map(({ from, to, rttMs, pricePerGiB }) => [
      `${from} ~ ${to}`,
      number(rttMs),
      inferred.has(`${from}.${to}`) ? 'inferred' : 'measured',
      number(pricePerGiB),
    ])
  const rest = changed.length - shown.length
  return [
    table(['edge', 'producer → broker → consumer now', 'then', 'GiB/h', 'cost an hour', 'latency, ms'], rows),
    ...(rest > 0 ? [`and ${rest} more, which change less.`] : []),
    ...(ways.length > 0
      ? [
          `The cost is GiB/h × the price of each way × ${number(goal.network)}, the weight of the network; the latency is half ` +
            'of each round trip. Within a zone both are 0.',
          table(['way', 'round trip, ms', '', 'price of a GiB'], ways),
        ]
      : []),
  ].join('\n\n')
}

const way = ({ from, broker, to }: EdgeCost) => [from ?? '·', broker, to ?? '·'].join(' → ')

const hops = ({ from, broker, to }: EdgeCost) => [`${from} ${broker}`, `${broker} ${to}`]

/** What is most of it first: by money, then by time. */
const weightOf = ({ now, later }: { now: EdgeCost; later: EdgeCost }) =>
  Math.abs(now.cost - later.cost) + 1e-9 * Math.abs(now.latencyMs - later.latencyMs)
