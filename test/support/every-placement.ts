import { type Evaluation, evaluate } from '../../controller/placement/evaluate.ts'
import type { Instance, Placement } from '../../controller/placement/instance.ts'
import { compareScores } from '../../controller/placement/score.ts'

/** Every way to place the items, with what the evaluator says of it. */
export function* everyPlacement(instance: Instance): Generator<[Placement, Evaluation]> {
  const { items, nodes } = instance
  const count = nodes.length ** items.length
  for (let number = 0; number < count; number++) {
    let rest = number
    const placement: Placement = {}
    for (const { name } of items) {
      placement[name] = nodes[rest % nodes.length]!.name
      rest = Math.floor(rest / nodes.length)
    }
    yield [placement, evaluate(instance, placement)]
  }
}

/** The best of all by the evaluator, found by looking at each. */
export function bestOfEvery(
  instance: Instance,
  isAllowed: (placement: Placement, evaluation: Evaluation) => boolean = () => true,
) {
  let best: { placement: Placement; evaluation: Evaluation } | undefined
  for (const [placement, evaluation] of everyPlacement(instance)) {
    if (!isAllowed(placement, evaluation)) continue
    if (!best || compareScores(scoreOf(evaluation), scoreOf(best.evaluation)) < 0)
      best = { placement, evaluation }
  }
  return best
}

export const scoreOf = ({ broken, severity, cost }: Evaluation) => ({ broken: broken.length, severity, cost })
