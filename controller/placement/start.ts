import type { Compiled } from './compiled.ts'
import { compareScores } from './score.ts'
import { SearchState } from './search-state.ts'

/**
 * Where a search begins: each item where it is, and each that is nowhere, the largest first, where it does least harm.
 * @param pinned item and node that is given
 */
export function start(model: Compiled, pinned: ReadonlyMap<number, number> = new Map()): Int32Array {
  const homeless: number[] = []
  const node = Int32Array.from(model.current, (current, i) => {
    const given = pinned.get(i) ?? current
    if (given < 0) homeless.push(i)
    return Math.max(0, given)
  })
  for (const i of homeless) node[i] = leastBroken(model, i)
  const state = new SearchState(model, node)
  homeless.sort((a, b) => model.cpu[b]! - model.cpu[a]! || a - b)
  for (const i of homeless) settle(state, model, i)
  return state.node.slice()
}

/** Moves an item to the best of all nodes, the rest as it is. */
export function settle(state: SearchState, model: Compiled, item: number): void {
  const before = state.node[item]!
  let best = before
  let bestScore = state.score
  for (let k = 0; k < model.nodes; k++) {
    if (k === before) continue
    state.move(item, k)
    if (compareScores(state, bestScore) < 0) {
      best = k
      bestScore = state.score
    }
  }
  state.move(item, best)
}

function leastBroken({ unaryBroken, moved, nodes }: Compiled, item: number): number {
  let best = 0
  const badness = (k: number) => 2 * unaryBroken[item * nodes + k]! + moved[item * nodes + k]!
  for (let k = 1; k < nodes; k++) if (badness(k) < badness(best)) best = k
  return best
}
