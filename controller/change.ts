import type { CursorDocument } from '../runtime/cursor.ts'
import type { Cut } from '../schema/topics.ts'
import type { NextCut, Wiring } from '../schema/wiring.ts'
import type { HostChange } from './orchestrator/orchestrator.ts'
import { countsOf } from './repartition.ts'

export type Change =
  | HostChange
  | { action: 'publish'; flow: string; node: string; wiring: Wiring }
  /** Removes sessions of partitions, by name, with all that they hold; with `everything`, all that is retained of the
   *  node too; with `ofKeys`, the state that belonged to keys and not to a partition. */
  | {
      action: 'discard'
      flow: string
      node: string
      partitions: string[]
      everything: boolean
      ofKeys?: boolean
      /** Zones on whose broker there may be sessions too. */
      brokers?: string[]
    }
  /** Ends sessions on the broker of a zone that nothing of the node goes by any more. */
  | { action: 'leave'; flow: string; node: string; partitions: string[]; broker: string }
  /** Asks a host over the broker to leave: where it runs nobody can end it. */
  | { action: 'dismiss'; flow: string; node: string; host: string }
  /** Tells the others that a host is gone. */
  | { action: 'clear'; flow: string; node: string; host: string }
  /** Opens sessions for partitions to come. */
  | {
      action: 'repartition'
      flow: string
      node: string
      from: Cut
      to: NextCut
      /** See `Wiring`: of the cut to come. */
      round: number
      brokers?: string[]
      /** See `Wiring`. */
      unordered?: true
    }
  /** Writes where new partitions begin, by name; to be followed by their wiring. */
  | {
      action: 'begin'
      flow: string
      node: string
      from: Cut
      wiring: Wiring
      cursors: Record<string, CursorDocument>
    }

/** One line for `dyninka diff` and the log. */
export function describe(change: Change): string {
  switch (change.action) {
    case 'start': {
      const { workload, generation, replica, place } = change.spec
      const where = place === '' ? '' : `, on ${place}` // a cluster chooses itself
      return `start ${workload.node} generation ${generation}, replica ${replica}${where} (${short(workload.artifact)})`
    }
    case 'stop':
    case 'restart':
      return `${change.action} ${change.node} generation ${change.generation}, replica ${change.replica}: ${change.reason}`
    case 'publish':
      return `wire ${change.node}, revision ${change.wiring.revision}: ${streams(change.wiring)}`
    case 'dismiss':
      return `ask ${change.host} to leave: nothing can end it where it runs`
    case 'clear':
      return `clear the presence of ${change.host}, which is gone`
    case 'repartition':
      return `repartition ${change.node} ${countsOf(change.from, change.to)}`
    case 'begin':
      return `hand ${change.node} over from ${change.from.partitions} partitions to ${change.wiring.partitions}`
    case 'leave':
      return `leave the broker of zone ${change.broker} with ${change.node}`
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
  const by = (broker: string | undefined) => (broker === undefined ? '' : ` by ${broker}`)
  const from = inputs.map(input => `${input.node}.${input.output}${by(input.broker)}`).join(', ')
  const to = Object.entries(outputs).flatMap(([output, streams]) =>
    streams.map(stream => `${output}${by(stream.broker)} → ${stream.consumers.join(', ')}`),
  )
  return [from && `from ${from}`, ...to].filter(Boolean).join('; ') || 'nothing yet'
}
