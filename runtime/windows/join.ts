import { type Handler, handlerOf } from './handler.ts'
import { type JoinOptions, type JoinState, joining } from './joining.ts'

/**
 * Joins the records of two inputs that have the same key and lie at most `within` apart in event time: each such pair
 * gives one result, as soon as its second record is there.
 *
 * @example
 * // dataflow.yaml: from: [orders, payments], key: order
 * const paid = join({
 *   left: 'orders',
 *   right: 'payments',
 *   within: '1h',
 *   match: (order: Order, payment: Payment) => ({ order: order.order, state: payment.state }),
 *   unmatchedLeft: (order: Order) => ({ order: order.order, state: 'unpaid' }),
 * })
 * export default paid
 * export const timer = paid.timer
 */
export function join<Left, Right, Out>(
  options: JoinOptions<Left, Right, Out>,
): Handler<Left | Right, Exclude<Out, undefined>, JoinState<Left, Right>> {
  return handlerOf(joining(options))
}
