import { createHash } from 'node:crypto'
import { decidersOf, editPlacement } from '../../schema/edit.ts'
import type { Flow } from '../../schema/flow.ts'
import type { Proposal } from '../forge/proposal.ts'
import type { Move, Plan } from './advice.ts'
import type { SuggestionText } from './suggestion-text.ts'

/** The change to a `dataflow.yaml` that a plan stands for. Pure.
 *  @param file as the base has it @throws Problem where it has a shape that can't be edited without a person */
export function proposalOf(
  { nodes }: Flow,
  { moves, decision }: Plan,
  text: SuggestionText,
  { base, path, before, telemetry }: Pick<Proposal, 'base' | 'path' | 'before' | 'telemetry'>,
): Proposal {
  return {
    ...changeOf(nodes, moves, before),
    worth: decision.benefit.mean,
    moves: moves.map(({ item, from, to }) => ({ item, ...(from && { from: from.node }), to: to.node })),
    base,
    path,
    before,
    ...(telemetry && { telemetry }),
    ...text,
  }
}

/** @returns the file as it would be, and what tells one change from another @throws Problem as above */
export function changeOf(
  nodes: Flow['nodes'],
  moves: Move[],
  before: string,
): Pick<Proposal, 'digest' | 'text'> {
  const decisions = decisionsOf(nodes, moves, before)
  const digest = createHash('sha256').update(JSON.stringify(decisions)).digest('hex').slice(0, 16)
  return { digest, text: editPlacement(before, decisions) }
}

/** By name, as the file says it. */
function decisionsOf(nodes: Flow['nodes'], moves: Move[], before: string) {
  const decisions: Record<string, { zone: string } | { node: string }> = {}
  for (const move of moves) {
    const { placement } = nodes.find(({ name }) => name === move.item)!
    const set = [move.item, ...(placement.with ?? [])]
    const writers = decidersOf(before, set)
    // What shares a node is decided once, wherever the file does it.
    if (writers.length === 0 && set.some(name => name in decisions)) continue
    for (const name of writers.length > 0 ? writers : [move.item])
      decisions[name] = decisionOf(move, placement.node !== undefined)
  }
  return decisions
}

/** A zone, where that says it; the node where one was decided before, or the zone stays the same. */
const decisionOf = ({ from, to }: Move, isNode: boolean) =>
  isNode || from?.zone === to.zone ? { node: to.node } : { zone: to.zone }
