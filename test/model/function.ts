import type { Operation, Scenario } from './world.ts'

const pending = '!'

/** The user's function: what a record does to the state of its key, and what it sends. A pending timer is a mark
 *  at the end of the state. */
export function call(what: Operation, item: string, state: string | undefined) {
  const timer = state?.endsWith(pending) ? pending : ''
  const list = (state ?? '').replace(pending, '')
  if (what.startsWith('set ')) return { state: what.slice(4), output: `${list}>${what.slice(4)}` }
  const next = `${list}${item} `
  if (what === 'fire') return { state: next, output: next }
  if (what === 'timer') return { state: next + pending, output: next }
  // A window of three: the third record empties it.
  if (what === 'three' && next.split(' ').length > 3) return { state: undefined, output: next }
  return { state: next + timer, output: next }
}

export const hasTimer = (state: string | undefined) => state?.endsWith(pending) ?? false

export function operationOf({ records }: Scenario, item: string): Operation {
  const [lane, n] = item.split('.') as [string, string]
  return lane === 'timer' ? 'fire' : records[lane]![Number(n) - 1]![1]
}

/** All that has to take effect, once: records, and timers by the key that they are set for. */
export function itemsOf({ records }: Scenario): string[] {
  return Object.entries(records).flatMap(([lane, all]) =>
    all.flatMap(([key, what], n) => [`${lane}.${n + 1}`, ...(what === 'timer' ? [`timer.${key}`] : [])]),
  )
}
