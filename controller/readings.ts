import type { DeclaredNode } from '../schema/declared-node.ts'
import type { Condition, ConditionPart, Limit } from '../schema/flow.ts'
import { roundTripMs } from '../schema/round-trip.ts'

/** What conditions are looked up in. */
export interface Readings {
  /** Nodes whose labels count. */
  own: readonly DeclaredNode[]
  all: readonly DeclaredNode[]
  now: Date
}

/** How far over the line a number must be to end what it began. */
const margin = 0.1

/** Whether it holds; undefined where that is not known. @param isLax it held before: it takes more to end it */
export function holds(condition: Condition, readings: Readings, isLax: boolean): boolean | undefined {
  const parts = condition.parts.map(part => partHolds(part, readings, isLax))
  if (parts.includes(false)) return false
  return parts.includes(undefined) ? undefined : true
}

/** Only what a clock tells: no number that goes up and down. */
export const isTimeOnly = ({ parts }: Condition) => parts.every(({ type }) => type === 'time')

function partHolds(part: ConditionPart, { own, all, now }: Readings, isLax: boolean): boolean | undefined {
  if (part.type === 'time') return isBetween(minuteOf(now, part.timezone), part)
  const values = part.type === 'label' ? labelValues(part.label, own) : tripsOf(part.zones, all)
  if (values.length === 0) return undefined
  const measured = part.type === 'label' ? values : [median(values)]
  return measured.every(value => fits(value, part, isLax))
}

function labelValues(label: string, nodes: readonly DeclaredNode[]): number[] {
  return nodes.flatMap(({ labels }) => {
    const text = labels?.[label]?.replace(/%$/, '') ?? ''
    return text === '' || Number.isNaN(Number(text)) ? [] : [Number(text)]
  })
}

const tripsOf = ([from, to]: [string, string], nodes: readonly DeclaredNode[]) =>
  nodes
    .filter(({ zone }) => zone === from)
    .flatMap(a => nodes.filter(({ zone }) => zone === to).flatMap(b => roundTripMs(a, b) ?? []))

const median = (values: number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!

function fits(value: number, { below, limit, inclusive }: Limit, isLax: boolean): boolean {
  const line = isLax ? limit + (below ? 1 : -1) * Math.abs(limit) * margin : limit
  if (value === line) return inclusive || isLax
  return below ? value < line : value > line
}

function minuteOf(now: Date, timeZone: string): number {
  const options = { timeZone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
  const parts = new Intl.DateTimeFormat('en-GB', options).formatToParts(now)
  const [hour, minute] = ['hour', 'minute'].map(type => Number(parts.find(part => part.type === type)!.value))
  return hour! * 60 + minute!
}

const isBetween = (minute: number, { from, to }: { from: number; to: number }) =>
  from <= to ? minute >= from && minute < to : minute >= from || minute < to
