import type { Draft, Entry } from '../draft.ts'
import { withSets } from '../with-sets.ts'
import { below } from '../yaml-document.ts'

/** Something that a file says of where an entry runs, and where it says so. */
export interface Said {
  value: string
  pointer: string
  /** The entry that it is written at. */
  owner: string
}

/** What is decided of an entry, by itself or by one that shares its node. */
export interface Decision {
  zone?: Said
  node?: Said
}

/** Entries that are to share a node, by name, in the order of the file; what stands alone has none. */
export const setsOf = (draft: Draft): Map<string, string[]> =>
  withSets(
    new Map(
      [...draft.entries.values()].map(({ name, placement }) => [
        name,
        (placement?.with ?? []).filter(other => other !== undefined),
      ]),
    ),
  )

/** Of two of a set that say something else, the first one counts: `together` tells of the other. */
export function decisionOf(draft: Draft, name: string, sets: Map<string, string[]>): Decision {
  const decision: Decision = {}
  for (const member of sets.get(name) ?? [name]) {
    const { placement, pointer } = draft.entries.get(member) ?? {}
    for (const kind of ['zone', 'node'] as const) {
      const value = placement?.[kind]
      if (value === undefined) continue
      decision[kind] ??= { value, pointer: below(pointer!, 'placement', kind), owner: member }
    }
  }
  return decision
}

/** A place to name for two that share a node: where one of them says so, or else any of their set. */
export function whereShared(draft: Draft, a: string, b: string, set: readonly string[]): string {
  const written = set.flatMap(name => {
    const { placement, pointer } = draft.entries.get(name)!
    return (placement?.with ?? []).map((other, index) => ({
      pair: [name, other],
      pointer: below(pointer, 'placement', 'with', index),
    }))
  })
  const rank = ({ pair }: (typeof written)[number]) => pair.filter(name => name === a || name === b).length
  return written.toSorted((one, two) => rank(two) - rank(one))[0]!.pointer
}

/** Alternatives of an entry that name a zone or a node, with where that is. */
export function* alternativesOf({ placement, pointer }: Entry) {
  for (const [index, alternative] of (placement?.when ?? []).entries()) {
    const own = below(pointer, 'placement', 'when', index)
    for (const kind of ['zone', 'node'] as const) {
      const value = alternative?.[kind]
      if (value !== undefined) yield { kind, value, index, pointer: below(own, kind), whole: own }
    }
  }
}
