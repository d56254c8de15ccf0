import type { Context } from 'dyninka'
import { begin, load, stall } from './life.ts'

import type { Stamped } from './stamp.ts'

export interface Right extends Stamped {
  part: 'right'
  hash: number
}

const version: number = 1
const fault: string = 'none'
load(fault)
export const setup = begin(version, fault)

const tried = new Set<string>()

/** Without a key and without state; fails now and then at the first attempt. */
export default async function right(record: Stamped, ctx: Context): Promise<Right> {
  await stall(ctx)
  if (record.v % 61 === 0 && !tried.delete(ctx.record.id)) {
    tried.add(ctx.record.id)
    throw new Error('try again')
  }
  return { ...record, part: 'right', hash: 3 }
}
