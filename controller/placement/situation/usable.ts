import { Problem } from '../../../schema/problem.ts'
import { isLost, troublesOf } from '../../adaptation/trouble.ts'
import type { NodeState } from '../../orchestrator/orchestrator.ts'
import type { Snapshot } from '../../telemetry/snapshot.ts'

/**
 * The same with no other nodes than those that something can run on: what is lost is none of them, and what takes no more
 * only for what runs there. Pure.
 *
 * @throws Problem where something runs on none of them: what to do then is not a suggestion
 */
export function withUsableNodes(snapshot: Snapshot): Snapshot {
  const { functions } = snapshot
  const taken = new Set(functions.flatMap(({ hosts }) => hosts.map(({ node }) => node)))
  const troubles = troublesOf(snapshot.nodes, [], new Set())
  const isFull = ({ name }: NodeState) => troubles.has(name) && !isLost(troubles.get(name))
  // Virtual nodes of one machine are short of what that is short of: all of them.
  const areAllFull = snapshot.nodes.every(isFull)
  const nodes = snapshot.nodes.filter(
    node => !isLost(troubles.get(node.name)) && (areAllFull || taken.has(node.name) || !isFull(node)),
  )
  const names = new Set(nodes.map(({ name }) => name))
  for (const { name, hosts } of functions) {
    if (hosts.some(({ node }) => names.has(node))) continue
    const [host] = hosts
    throw new Problem(
      'PlaceUnknown',
      host
        ? `${name} runs on ${host.node}: ${troubles.get(host.node)?.says ?? 'there is no such node'}`
        : `nothing of ${name} runs`,
      { disposition: 'waiting', hint: 'Wait until all of it runs; `dyninka status` says what is missing.' },
    )
  }
  return { ...snapshot, nodes }
}
