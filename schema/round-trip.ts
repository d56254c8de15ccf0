import type { DeclaredNode } from './declared-node.ts'

/** Round trip between two nodes, in ms; 0 within a zone, undefined where it is not known. */
export function roundTripMs(a: DeclaredNode, b: DeclaredNode): number | undefined {
  if (a.name === b.name || a.zone === b.zone) return 0
  if (a.zone === undefined || b.zone === undefined) return undefined
  return a.rttMs?.[b.zone] ?? b.rttMs?.[a.zone]
}

/** The shortest round trip between any two, in ms. Unknown counts as near: a rule is broken only by what is known.
 *  @returns undefined where one side has none */
export function nearestMs(own: readonly DeclaredNode[], others: readonly DeclaredNode[]): number | undefined {
  const trips = own.flatMap(a => others.map(b => roundTripMs(a, b) ?? 0))
  return trips.length === 0 ? undefined : Math.min(...trips)
}
