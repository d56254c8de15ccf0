import type { DeclaredNode } from '../declared-node.ts'
import type { Draft, Entry } from '../draft.ts'
import { durationMs } from '../duration.ts'
import type { Finding } from '../finding.ts'
import { nearestMs } from '../round-trip.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'
import { type Candidates, decided, required } from './constraints.ts'
import { alternativesOf, setsOf } from './decisions.ts'

/** Whether every place that `when` may switch to has a node that does what is asked for always. */
export function alternatives(
  draft: Draft,
  declared: readonly DeclaredNode[],
  candidates: Candidates,
): Finding[] {
  const sets = setsOf(draft)
  return [...draft.entries.values()].flatMap(entry => {
    const set = (sets.get(entry.name) ?? [entry.name]).map(name => draft.entries.get(name)!)
    return [...alternativesOf(entry)].flatMap(alternative => [
      ...one(draft, entry, set, alternative, declared, candidates),
    ])
  })
}

function* one(
  draft: Draft,
  entry: Entry,
  set: Entry[],
  { kind, value, pointer }: { kind: 'zone' | 'node'; value: string; pointer: string },
  declared: readonly DeclaredNode[],
  candidates: Candidates,
): Iterable<Finding> {
  const [decision] = decided({ [kind]: value })
  let left = declared.filter(decision!.holds)
  if (left.length === 0) {
    const known = [...new Set(declared.flatMap(node => decision!.named!.of(node) ?? []))]
    const hint = didYouMean(value, known, `There are ${listed(known)}.`)
    yield draft.at(pointer, 'no-node', `No node ${decision!.words}.`, hint)
    return
  }
  for (const member of set) {
    for (const { holds, words, path } of required(member)) {
      const fit = left.filter(holds)
      if (fit.length === 0) {
        const line = draft.line(below(member.pointer, ...path))
        const message = `No node ${decision!.words} and also ${words}, as \`${member.name}\` asks for (line ${line}).`
        const others = declared.filter(holds)
        const hint =
          others.length === 0 ? 'Ask for less.' : `${listed(others.map(({ name }) => name))} would fit that.`
        yield draft.at(pointer, 'placement-contradiction', message, hint)
        return
      }
      left = fit
    }
  }
  yield* tooFar(draft, entry, set, left, pointer, candidates)
}

/** A `near` of those that move, or that names one of them, that holds no more then. */
function* tooFar(
  draft: Draft,
  entry: Entry,
  set: Entry[],
  left: DeclaredNode[],
  pointer: string,
  candidates: Candidates,
): Iterable<Finding> {
  const moves = (name: string | undefined) => set.some(member => member.name === name)
  for (const other of draft.entries.values()) {
    for (const [index, near] of (other.placement?.near ?? []).entries()) {
      const target = near?.function
      if (target === undefined || near?.maxRtt === undefined || moves(other.name) === moves(target)) continue
      const [name] = moves(target) ? [other.name] : [target]
      const bestMs = nearestMs(left, candidates.get(name!) ?? [])
      if (bestMs === undefined || bestMs <= durationMs(near.maxRtt)) continue
      const line = draft.line(below(other.pointer, 'placement', 'near', index, 'maxRtt'))
      const message = `\`${entry.name}\` would be ${bestMs}ms from \`${name}\`, and the two must be within ${near.maxRtt} (line ${line}).`
      const hint = 'Name another place, or allow a longer round trip.'
      yield draft.at(pointer, 'placement-contradiction', message, hint)
    }
  }
}
