import type { Draft, Entry } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'
import { alternativesOf, decisionOf, setsOf } from './decisions.ts'

/** What contradicts itself wherever it runs. What no node of this place can satisfy is told by `nodes.ts`. */
export function placement(draft: Draft): Finding[] {
  const sets = setsOf(draft)
  return [...draft.entries.values()].flatMap(entry => [
    ...names(draft, entry),
    ...distance(draft, entry, sets),
    ...contradictions(draft, entry),
    ...keeping(draft, entry, sets),
  ])
}

const rules = {
  near: { itself: 'near-itself', says: 'is always near', to: 'to be near to' },
  apart: { itself: 'apart-from-itself', says: 'is never apart from', to: 'to be apart from' },
  with: { itself: 'with-itself', says: 'is always with', to: 'to be with' },
} as const

/** What a rule about others names. */
function* names(draft: Draft, entry: Entry): Iterable<Finding> {
  const { near = [], apart = [], with: others = [] } = entry.placement ?? {}
  const written = [
    ...near.map((near, index) => ({
      rule: 'near' as const,
      name: near?.function,
      path: [index, 'function'],
    })),
    ...apart.map((name, index) => ({ rule: 'apart' as const, name, path: [index] })),
    ...others.map((name, index) => ({ rule: 'with' as const, name, path: [index] })),
  ]
  for (const { rule, name, path } of written) {
    if (name === undefined) continue
    const { itself, says, to } = rules[rule]
    const pointer = below(entry.pointer, 'placement', rule, ...path)
    if (name === entry.name) {
      const hint = 'Name another function, or leave it out.'
      yield draft.at(pointer, itself, `\`${name}\` ${says} itself.`, hint)
    } else if (!draft.entries.has(name) && !draft.incomplete) {
      const names = [...draft.entries.keys()].filter(other => other !== entry.name)
      const hint = didYouMean(name, names, `Names here are ${listed(names)}.`)
      yield draft.at(pointer, `unknown-${rule}`, `There is no function \`${name}\` ${to}.`, hint)
    }
  }
}

/** Two that must be apart, and are to run on one node: always, or under a condition. */
function* distance(draft: Draft, entry: Entry, sets: Map<string, string[]>): Iterable<Finding> {
  for (const [index, name] of (entry.placement?.apart ?? []).entries()) {
    const other = name === undefined || name === entry.name ? undefined : draft.entries.get(name)
    if (!other || sets.get(entry.name)?.includes(other.name)) continue // `together` tells of these
    const pointer = below(entry.pointer, 'placement', 'apart', index)
    const own = decisionOf(draft, entry.name, sets).node
    const node = decisionOf(draft, other.name, sets).node
    if (node !== undefined && own?.value === node.value) {
      const lines = `lines ${draft.line(own.pointer)} and ${draft.line(node.pointer)}`
      const message = `\`${entry.name}\` can't be apart from \`${name}\`: both are to run on node \`${node.value}\` (${lines}).`
      yield draft.at(pointer, 'placement-contradiction', message, 'Change the node of one of them.')
    }
    for (const [moving, staying] of [
      [entry, node],
      [other, own],
    ] as const) {
      for (const alternative of alternativesOf(moving)) {
        if (alternative.kind !== 'node' || alternative.value !== staying?.value) continue
        const message = `\`${moving.name}\` would run on node \`${staying.value}\`, which is that of \`${moving === entry ? name : entry.name}\` (line ${draft.line(staying.pointer)}), and the two must be apart (line ${draft.line(pointer)}).`
        yield draft.at(alternative.pointer, 'placement-contradiction', message, 'Name another node.')
      }
    }
  }
}

/** Labels that every Kubernetes node has, and that say what other rules say as well. */
function* contradictions(draft: Draft, entry: Entry): Iterable<Finding> {
  const { placement, pointer } = entry
  if (!placement) return
  const labels = placement.require?.labels ?? {}
  const pairs: [label: string, rule: string, values: (string | undefined)[] | undefined][] = [
    ['topology.kubernetes.io/zone', 'zone', placement.zone === undefined ? undefined : [placement.zone]],
    ['kubernetes.io/hostname', 'node', placement.node === undefined ? undefined : [placement.node]],
    ['kubernetes.io/arch', 'require.arch', placement.require?.arch],
  ]
  for (const [label, rule, values] of pairs) {
    const wanted = labels[label]
    if (wanted === undefined || wanted === 'exists') continue
    const place = below(pointer, 'placement', 'require', 'labels', label)
    if (values && !values.includes(wanted)) {
      const known = values.filter(value => value !== undefined)
      const message = `The label ${label} must be \`${wanted}\`, but ${rule} says ${listed(
        known.map(value => `\`${value}\``),
        'or',
      )}.`
      yield draft.at(place, 'placement-contradiction', message, `Keep one of the two: ${rule} says it all.`)
    }
    for (const { kind, value, pointer } of alternativesOf(entry)) {
      if (kind !== rule || value === wanted) continue
      const message = `The label ${label} must be \`${wanted}\` (line ${draft.line(place)}), but ${kind} says \`${value}\` under this condition.`
      const hint = 'Leave the label out, or name what it asks for.'
      yield draft.at(pointer, 'placement-contradiction', message, hint)
    }
  }
}

/** What stays where it is, and is to switch. */
function* keeping(draft: Draft, entry: Entry, sets: Map<string, string[]>): Iterable<Finding> {
  if (entry.placement?.when === undefined) return
  const members = (sets.get(entry.name) ?? [entry.name]).map(name => draft.entries.get(name)!)
  const keeper = members.find(({ placement }) => placement?.keep === true)
  if (!keeper) return
  const line = draft.line(below(keeper.pointer, 'placement', 'keep'))
  const who = keeper === entry ? `\`${entry.name}\`` : `\`${keeper.name}\`, with which \`${entry.name}\` is,`
  const message = `${who} is to stay where it is (line ${line}), but \`when\` moves it.`
  const pointer = below(entry.pointer, 'placement', 'when')
  yield draft.atKey(pointer, 'placement-contradiction', message, 'Leave one of the two out.')
}
