import type { Wiring } from '../schema/wiring.ts'
import type { HostChange } from './orchestrator/orchestrator.ts'

export type Change =
  | HostChange
  | { action: 'publish'; flow: string; node: string; wiring: Wiring }
  /** Removes sessions of partitions, by name, with all that they hold; with `everything`, all that is retained of the
   *  node too. */
  | { action: 'discard'; flow: string; node: string; partitions: string[]; everything: boolean }

/** One line for `dyninka diff` and the log. */
export function describe(change: Change): string {
  switch (change.action) {
    case 'start': {
      const { workload, generation, replica, place } = change.spec
      return `start ${workload.node} generation ${generation}, replica ${replica}, on ${place} (${short(workload.artifact)})`
    }
    case 'stop':
    case 'restart':
      return `${change.action} ${change.node} generation ${change.generation}, replica ${change.replica}: ${change.reason}`
    case 'publish':
      return `wire ${change.node}, revision ${change.wiring.revision}: ${streams(change.wiring)}`
    case 'discard':
      return change.everything
        ? `discard all that is left of ${change.node}`
        : `discard partitions ${change.partitions.join(', ')} of ${change.node}`
  }
}

/** Name of the node of the graph that a change is about. */
export const nodeOf = (change: Change) =>
  change.action === 'start' ? change.spec.workload.node : change.node

const short = (digest: string) => digest.slice(0, 'sha256:'.length + 12)

function streams({ inputs, outputs }: Wiring): string {
  const from = inputs.map(input => `${input.node}.${input.output}`).join(', ')
  const to = Object.entries(outputs).flatMap(([output, streams]) =>
    streams.map(stream => `${output} → ${stream.consumers.join(', ')}`),
  )
  return [from && `from ${from}`, ...to].filter(Boolean).join('; ') || 'nothing yet'
}
