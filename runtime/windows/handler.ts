import type { Context } from '../context.ts'
import type { Operator } from './operator.ts'

/** What a helper gives: a function for `export default`, with its handler for `export const timer`. */
export interface Handler<In, Out, State> {
  (record: In, ctx: HandlerContext<In, State>): Out[]
  timer(ctx: HandlerContext<In, State>): Out[]
}

/** A record that is too late to count leaves on the output `late`. */
type HandlerContext<In, State> = Context<{ state: State; outputs: { late: In } }>

/** Lets a helper's logic run as a function. */
export function handlerOf<In, Out, State>(operator: Operator<In, Out, State>): Handler<In, Out, State> {
  const handle = (record: In, ctx: HandlerContext<In, State>): Out[] => {
    const { time, key = '', from } = ctx.record
    const arrival = { time, now: Date.now(), key, ...(from !== undefined && { from }) }
    const { state, results, late, timerAt } = operator.add(ctx.state, record, arrival)
    ctx.state = state
    if (operator.wake) ctx.timer(timerAt)
    if (late) ctx.emit('late', record)
    return results
  }
  const timer = (ctx: HandlerContext<In, State>): Out[] => {
    if (!operator.wake || ctx.state === undefined) return []
    const { state, results, timerAt } = operator.wake(ctx.state, ctx.record.time, ctx.record.key ?? '')
    ctx.state = state
    ctx.timer(timerAt)
    return results
  }
  return Object.assign(handle, { timer })
}
