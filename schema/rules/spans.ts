import type { ConditionPart } from '../flow.ts'

/** Values from one to another. */
interface Span {
  from: number
  to: number
  /** Whether the ends are part of it. */
  withFrom: boolean
  withTo: boolean
}

/** For each thing that a condition looks at, the values for which it holds; what it doesn't look at may be anything. */
export type Spans = Map<string, Span[]>

export function spansOf(parts: readonly ConditionPart[]): Spans {
  const spans: Spans = new Map()
  for (const part of parts) {
    if (part.type === 'time') spans.set(`time in ${part.timezone}`, minutesOf(part))
    else if (part.type === 'link') {
      spans.set(`link ${part.zones.toSorted().join('~')}`, [spanOf(part, 0, Number.POSITIVE_INFINITY)])
    } else {
      const [lowest, highest] =
        part.label === 'battery' ? [0, 100] : [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
      spans.set(`label ${part.label}`, [spanOf(part, lowest, highest)])
    }
  }
  return spans
}

function spanOf(
  { below, limit, inclusive }: { below: boolean; limit: number; inclusive: boolean },
  from: number,
  to: number,
): Span {
  return below
    ? { from, withFrom: true, to: Math.min(limit, to), withTo: inclusive || limit > to }
    : { from: Math.max(limit, from), withFrom: inclusive || limit < from, to, withTo: true }
}

const day = 24 * 60

function minutesOf({ from, to }: { from: number; to: number }): Span[] {
  const span = (from: number, to: number) => ({ from, to, withFrom: true, withTo: false })
  return from <= to ? [span(from, to)] : [span(from, day), span(0, to)]
}

/** Whether no value is in any of them. */
export const isEmpty = (spans: readonly Span[]) => spans.every(isNone)

const isNone = ({ from, to, withFrom, withTo }: Span) => from > to || (from === to && !(withFrom && withTo))

/** Whether whatever one condition holds for, the other one does, too. */
export const covers = (whole: Spans, part: Spans): boolean =>
  [...whole].every(([name, spans]) => {
    const own = part.get(name)
    return own?.every(span => isNone(span) || spans.some(around => contains(around, span))) ?? false
  })

/** Whether both can hold at once, as far as they look at the same. */
export const overlap = (a: Spans, b: Spans): boolean =>
  [...a].every(([name, spans]) => {
    const others = b.get(name)
    return !others || spans.some(one => others.some(other => !isNone(common(one, other))))
  })

const contains = (around: Span, { from, to, withFrom, withTo }: Span) =>
  (around.from < from || (around.from === from && (around.withFrom || !withFrom))) &&
  (around.to > to || (around.to === to && (around.withTo || !withTo)))

function common(a: Span, b: Span): Span {
  const [low, high] = [a.from > b.from ? a : b, a.to < b.to ? a : b]
  return {
    from: low.from,
    to: high.to,
    withFrom: a.from === b.from ? a.withFrom && b.withFrom : low.withFrom,
    withTo: a.to === b.to ? a.withTo && b.withTo : high.withTo,
  }
}
