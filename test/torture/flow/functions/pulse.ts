import type { Context } from 'dyninka'
import type { Joined } from './join.ts'
import { begin, load } from './life.ts'

/** The records of one key from `from` to `to`, that came until its timer was due. */
export interface Pulse {
  kind: 'pulse'
  k: string
  from: number
  to: number
  sum: number
}

type Gathering = Context<{ state: { to: number; from: number; sum: number } }>

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

const everyMs = 60

/** Gathers until a timer is due, which is set by the first record after the one before. */
export default function pulse({ n, v }: Joined, ctx: Gathering): void {
  ctx.state ??= { to: 0, from: 1, sum: 0 }
  const gathered = ctx.state
  if (gathered.sum === 0) ctx.timer(Date.now() + everyMs)
  gathered.to = n
  gathered.sum += v + 1
}

export function timer(ctx: Gathering): Pulse | undefined {
  const gathered = ctx.state
  if (!gathered || gathered.sum === 0) return undefined
  const { from, to, sum } = gathered
  ctx.state = { to, from: to + 1, sum: 0 }
  return { kind: 'pulse', k: ctx.record.key!, from, to, sum: sum - (to - from + 1) }
}
