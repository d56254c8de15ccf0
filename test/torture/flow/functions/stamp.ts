import type { Context } from 'dyninka'
import { fold } from './fold.ts'
import { begin, load } from './life.ts'

export interface Entered {
  k: string
  g: string
  n: number
  v: number
}

export interface Stamped extends Entered {
  /** Of the record that the source made: a repeat at the source has another one. */
  id: string
  stamp: number
}

/** What should not happen. */
export interface Odd {
  kind: 'odd'
  at: string
  k: string
  n: number
  after: number
  id: string
}

type Told = Context<{ state: { n: number; hash: number }; outputs: { odd: Odd } }>

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

/** Where at-least-once ends: what a source brings again stops here, and is told. */
export default function stamp(record: Entered, ctx: Told): Stamped | undefined {
  ctx.state ??= { n: 0, hash: 1 }
  const last = ctx.state
  const { k, n, v } = record
  const { id } = ctx.record
  if (n !== last.n + 1) ctx.emit('odd', { kind: 'odd', at: 'stamp', k, n, after: last.n, id })
  if (n <= last.n) return undefined
  last.n = n
  last.hash = fold(last.hash, n, v)
  return { ...record, id, stamp: last.hash }
}
