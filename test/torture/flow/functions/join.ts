import type { Context } from 'dyninka'
import { fold } from './fold.ts'
import type { Part } from './left.ts'
import { begin, load, stall } from './life.ts'

import type { Right } from './right.ts'
import type { Odd } from './stamp.ts'

export interface Joined {
  kind: 'joined'
  k: string
  g: string
  n: number
  v: number
  id: string
  count: number
  sum: number
  hash: number
}

type PartName = 'left0' | 'left1' | 'right'

interface Sofar {
  /** How far each part has come. */
  last: Record<PartName, number>
  /** By number: what has come of a record whose other parts are missing. */
  waiting: Record<string, Partial<Record<PartName, number>>>
  count: number
  sum: number
  hash: number
}

type Joining = Context<{ state: Sofar; outputs: { odd: Odd } }>

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

const fresh = (): Sofar => ({
  last: { left0: 0, left1: 0, right: 0 },
  waiting: {},
  count: 0,
  sum: 0,
  hash: 4,
})

/** One record for the three parts of a record that came two ways, with all that came before in its hash. */
export default async function join(record: Part | Right, ctx: Joining): Promise<Joined | undefined> {
  await stall(ctx)
  ctx.state ??= fresh()
  const sofar = ctx.state
  const { part, k, g, n, v, id } = record
  const after = sofar.last[part]
  if (n !== after + 1) ctx.emit('odd', { kind: 'odd', at: part, k, n, after, id })
  if (n <= after) return undefined
  sofar.last[part] = n
  sofar.waiting[n] ??= {}
  const parts = sofar.waiting[n]
  parts[part] = record.hash ^ record.stamp
  if (parts.left0 === undefined || parts.left1 === undefined || parts.right === undefined) return undefined
  delete sofar.waiting[n]
  sofar.count += 1
  sofar.sum += v
  sofar.hash = fold(fold(sofar.hash, parts.left0, parts.left1), parts.right, v)
  return { kind: 'joined', k, g, n, v, id, count: sofar.count, sum: sofar.sum, hash: sofar.hash }
}
