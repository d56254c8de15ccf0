import type { DeclaredNode } from '../../schema/declared-node.ts'
import type { NodeState } from '../orchestrator/orchestrator.ts'

/** What keeps a node from being used. Of one that is `full`, hosts leave one function at a time, until it is no more; one that
 *  is `closed` takes nothing new, and what runs there stays; of the others all leave. */
export interface Trouble {
  kind: 'lost' | 'drained' | 'cut' | 'full' | 'closed'
  /** For people: `node edge-1 is short of memory`. */
  says: string
}

/** By name of a node. */
export type Troubles = ReadonlyMap<string, Trouble>

const pressures = { MemoryPressure: 'memory', DiskPressure: 'disk', PIDPressure: 'processes' }

/** What is wrong now, by node; one that was there and is no more is lost. Pure.
 *  @param seen nodes that there were @param cut zones that do not reach the broker */
export function troublesOf(
  states: readonly NodeState[],
  seen: readonly DeclaredNode[],
  cut: ReadonlySet<string>,
): Map<string, Trouble> {
  const there = new Set(states.map(({ name }) => name))
  const gone = seen.filter(({ name }) => !there.has(name))
  return new Map([
    ...gone.map(({ name }) => [name, { kind: 'lost', says: `node ${name} is gone` }] as [string, Trouble]),
    ...states.flatMap(state => {
      const trouble = troubleOf(state, cut)
      return trouble ? [[state.name, trouble] as [string, Trouble]] : []
    }),
  ])
}

function troubleOf({ name, zone, conditions }: NodeState, cut: ReadonlySet<string>): Trouble | undefined {
  const is = (type: string) => conditions.some(each => each.type === type && each.status === 'True')
  const ready = conditions.find(({ type }) => type === 'Ready')
  if (ready && ready.status !== 'True') return { kind: 'lost', says: `node ${name} does not answer` }
  if (is('Drained')) return { kind: 'drained', says: `node ${name} is drained` }
  if (zone !== undefined && cut.has(zone))
    return { kind: 'cut', says: `zone ${zone} does not reach the broker` }
  const [, short] = Object.entries(pressures).find(([type]) => is(type)) ?? []
  if (short) return { kind: 'full', says: `node ${name} is short of ${short}` }
  return is('Unschedulable') ? { kind: 'closed', says: `node ${name} takes nothing new` } : undefined
}

/** Whether all that runs there is to leave at once. */
export const isLost = (trouble: Trouble | undefined) =>
  trouble !== undefined && trouble.kind !== 'full' && trouble.kind !== 'closed'
