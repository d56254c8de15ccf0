import type { Context } from 'dyninka'
import type { Joined } from './join.ts'
import { begin, load, stall } from './life.ts'

export interface Tally {
  kind: 'tally'
  g: string
  k: string
  n: number
  v: number
  count: number
  sum: number
}

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

/** Counts under another key than the one by which its records came. */
export default async function tally(
  { g, k, n, v }: Joined,
  ctx: Context<{ state: { count: number; sum: number } }>,
): Promise<Tally> {
  await stall(ctx)
  ctx.state ??= { count: 0, sum: 0 }
  const total = ctx.state
  total.count += 1
  total.sum += v
  return { kind: 'tally', g, k, n, v, count: total.count, sum: total.sum }
}
