import type { Context } from 'dyninka'
import type { Joined } from './join.ts'
import { begin, load } from './life.ts'

import type { Stamped } from './stamp.ts'

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

/** Comes and goes: one more reader of two outputs. */
export default function spy({ n }: Stamped | Joined, ctx: Context<{ state: number }>): void {
  ctx.state = Math.max(ctx.state ?? 0, n)
}
