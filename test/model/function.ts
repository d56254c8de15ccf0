import type { Operation, Scenario } from './world.ts'

/** The user's function: what a record does to the state of its key, and what it sends. */
export function call(what: Operation, item: string, state = '') {
  if (what.startsWith('set ')) return { state: what.slice(4), output: `${state}>${what.slice(4)}` }
  const next = `${state}${item} `
  // A window of three: the third record empties it.
  if (what === 'three' && next.split(' ').length > 3) return { state: undefined, output: next }
  return { state: next, output: next }
}

export function operationOf({ records }: Scenario, item: string): Operation {
  const [lane, n] = item.split('.') as [string, string]
  return records[lane]![Number(n) - 1]![1]
}

/** All that has to take effect, once. */
export const itemsOf = ({ records }: Scenario): string[] =>
  Object.entries(records).flatMap(([lane, all]) => all.map((_, n) => `${lane}.${n + 1}`))
