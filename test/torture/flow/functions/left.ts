import { setImmediate as turn } from 'node:timers/promises'
import type { Context } from 'dyninka'
import { fold } from './fold.ts'
import { begin, load, stall } from './life.ts'

import type { Stamped } from './stamp.ts'

export interface Part extends Stamped {
  part: 'left0' | 'left1'
  hash: number
}

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

const tried = new Set<string>()

/** Two records for one; with state. Fails now and then at the first attempt, while records of other keys pass. */
export default async function* left(record: Stamped, ctx: Context<{ state: number }>): AsyncGenerator<Part> {
  await stall(ctx)
  if (record.v % 67 === 0 && !tried.delete(ctx.record.id)) {
    tried.add(ctx.record.id)
    throw new Error('try again')
  }
  ctx.state = fold(ctx.state ?? 2, record.n, record.v)
  const hash = ctx.state
  yield { ...record, part: 'left0', hash }
  if (record.v % 3 === 0) await turn()
  yield { ...record, part: 'left1', hash }
}
