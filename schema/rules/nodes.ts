import type { DeclaredNode } from '../declared-node.ts'
import type { Draft, Entry } from '../draft.ts'
import { durationMs } from '../duration.ts'
import type { Finding } from '../finding.ts'
import { nearestMs } from '../round-trip.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'
import { alternatives } from './alternatives.ts'
import { type Candidates, type Constraint, decided, required } from './constraints.ts'
import { decisionOf, setsOf, whereShared } from './decisions.ts'

/** Whether there is a node for everything. Where nothing is declared, nothing is known, so nothing is wrong. */
export function nodes(draft: Draft, declared: readonly DeclaredNode[] | undefined): Finding[] {
  if (!declared || declared.length === 0) return []
  const findings: Finding[] = []
  const candidates: Candidates = new Map()
  const entries = [...draft.entries.values()]
  for (const entry of entries) {
    let left = [...declared]
    for (const constraint of [...decided(entry.placement ?? {}), ...required(entry)]) {
      const fit = left.filter(constraint.holds)
      if (fit.length === 0) {
        findings.push(unsatisfied(draft, entry, constraint, left, declared))
        left = []
        break
      }
      left = fit
    }
    candidates.set(entry.name, left)
  }
  findings.push(...shared(draft, candidates))
  return [
    ...findings,
    ...entries.flatMap(entry => [...tooFar(draft, entry, candidates)]),
    // On the one node of a laptop nothing can be apart: that is said where it runs.
    ...(declared.length > 1 ? entries.flatMap(entry => [...crowded(draft, entry, candidates)]) : []),
    ...alternatives(draft, declared, candidates),
  ]
}

function unsatisfied(
  draft: Draft,
  entry: Entry,
  { path, words, named, holds }: Constraint,
  left: DeclaredNode[],
  declared: readonly DeclaredNode[],
): Finding {
  const pointer = below(entry.pointer, ...path)
  const others = declared.filter(holds)
  if (others.length > 0) {
    const message = `No node ${words} and also fits the rest of what \`${entry.name}\` asks for.`
    const hint = `Give up one of the two: ${listed(others.map(node => node.name))} would fit this rule, ${listed(left.map(node => node.name))} the rest.`
    return draft.at(pointer, 'placement-contradiction', message, hint)
  }
  const known = [...new Set(declared.map(node => named?.of(node)).filter(name => name !== undefined))]
  const choice = named
    ? `There are ${listed(known)}.`
    : `Change the rule, or add such a node. There are ${listed(declared.map(node => node.name))}.`
  const hint = named ? didYouMean(named.name, known, choice) : choice
  return draft.at(pointer, 'no-node', `No node ${words}.`, hint)
}

/** Those that share a node have what they all may run on. */
function shared(draft: Draft, candidates: Candidates): Finding[] {
  const findings: Finding[] = []
  for (const set of new Set([...setsOf(draft).values()].map(set => set.join(' ')))) {
    const [first = '', ...members] = set.split(' ')
    let left = candidates.get(first)!
    for (const member of members) {
      const own = candidates.get(member)!
      const fit = left.filter(node => own.includes(node))
      if (fit.length === 0 && left.length > 0 && own.length > 0 && !isDecidedTwice(draft, first, member)) {
        const message = `No node fits both \`${first}\` and \`${member}\`, which are to share one.`
        const hint = `Leave out \`with\`, or ask for less: ${listed(left.map(({ name }) => name))} would fit \`${first}\`, ${listed(own.map(({ name }) => name))} \`${member}\`.`
        const pointer = whereShared(draft, first, member, [first, ...members])
        findings.push(draft.at(pointer, 'with-contradiction', message, hint))
      }
      left = fit
    }
    for (const member of [first, ...members]) candidates.set(member, left)
  }
  return findings
}

/** `together` tells of two decisions of one kind. */
function isDecidedTwice(draft: Draft, a: string, b: string): boolean {
  const [one, other] = [a, b].map(name => draft.entries.get(name)?.placement)
  return (['zone', 'node'] as const).some(
    kind => one?.[kind] !== undefined && other?.[kind] !== undefined && one[kind] !== other[kind],
  )
}

/** A `near` that holds for no pair of nodes, going by round trips that are known. */
function* tooFar(draft: Draft, entry: Entry, candidates: Candidates): Iterable<Finding> {
  for (const [index, near] of (entry.placement?.near ?? []).entries()) {
    if (!near?.function || near.maxRtt === undefined) continue
    const bestMs = nearestMs(candidates.get(entry.name) ?? [], candidates.get(near.function) ?? [])
    if (bestMs === undefined || bestMs <= durationMs(near.maxRtt)) continue
    const sets = setsOf(draft)
    const decision = decisionOf(draft, near.function, sets)
    const said = decision.node ?? decision.zone
    const line = said ? ` (line ${draft.line(said.pointer)})` : ''
    const message = `\`${entry.name}\` can't be within ${near.maxRtt} of \`${near.function}\`${line}: the nearest nodes are ${bestMs}ms apart.`
    const pointer = below(entry.pointer, 'placement', 'near', index, 'maxRtt')
    const hint = 'Allow a longer round trip, or change the zone of one of them.'
    yield draft.at(pointer, 'placement-contradiction', message, hint)
  }
}

/** Two that must be apart, and have one node between them. */
function* crowded(draft: Draft, entry: Entry, candidates: Candidates): Iterable<Finding> {
  if (entry.placement?.apart === undefined) return
  const sets = setsOf(draft)
  for (const [index, name] of (entry.placement?.apart ?? []).entries()) {
    if (name === undefined || name === entry.name || sets.get(entry.name)?.includes(name)) continue
    const [own, others] = [candidates.get(entry.name) ?? [], candidates.get(name) ?? []]
    const [node, ...more] = new Set([...own, ...others])
    if (own.length === 0 || others.length === 0 || more.length > 0) continue
    const [a, b] = [decisionOf(draft, entry.name, sets).node, decisionOf(draft, name, sets).node]
    if (a && a.value === b?.value) continue // told already
    const message = `\`${entry.name}\` can't be apart from \`${name}\`: \`${node!.name}\` is the only node for both.`
    const pointer = below(entry.pointer, 'placement', 'apart', index)
    yield draft.at(pointer, 'placement-contradiction', message, 'Ask for less, or add a node.')
  }
}
