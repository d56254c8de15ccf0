import type { Draft, Entry } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { didYouMean, listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'

/** What contradicts itself wherever it runs. What no node of this place can satisfy is told by `nodes.ts`. */
export function placement(draft: Draft): Finding[] {
  return [...draft.entries.values()].flatMap(entry => [
    ...nearness(draft, entry),
    ...distance(draft, entry),
    ...contradictions(draft, entry),
  ])
}

function* nearness(draft: Draft, entry: Entry): Iterable<Finding> {
  for (const [index, near] of (entry.placement?.near ?? []).entries()) {
    const name = near?.function
    const pointer = below(entry.pointer, 'placement', 'near', index, 'function')
    if (name === undefined) continue
    if (name === entry.name) {
      yield draft.at(
        pointer,
        'near-itself',
        `\`${name}\` is always near itself.`,
        'Name another function, or leave it out.',
      )
    } else if (!draft.entries.has(name) && !draft.incomplete) {
      const names = [...draft.entries.keys()].filter(other => other !== entry.name)
      const hint = didYouMean(name, names, `Names here are ${listed(names)}.`)
      yield draft.at(pointer, 'unknown-near', `There is no function \`${name}\` to be near to.`, hint)
    }
  }
}

function* distance(draft: Draft, entry: Entry): Iterable<Finding> {
  const { apart = [], node } = entry.placement ?? {}
  for (const [index, name] of apart.entries()) {
    const pointer = below(entry.pointer, 'placement', 'apart', index)
    if (name === undefined) continue
    if (name === entry.name) {
      const hint = 'Name another function, or leave it out.'
      yield draft.at(pointer, 'apart-from-itself', `\`${name}\` is never apart from itself.`, hint)
    } else if (!draft.entries.has(name) && !draft.incomplete) {
      const names = [...draft.entries.keys()].filter(other => other !== entry.name)
      const hint = didYouMean(name, names, `Names here are ${listed(names)}.`)
      yield draft.at(pointer, 'unknown-apart', `There is no function \`${name}\` to be apart from.`, hint)
    } else if (node !== undefined && draft.entries.get(name)?.placement?.node === node) {
      const message = `\`${entry.name}\` can't be apart from \`${name}\`: both are to run on node \`${node}\`.`
      yield draft.at(pointer, 'placement-contradiction', message, 'Change the node of one of them.')
    }
  }
}

/** Labels that every Kubernetes node has, and that say what other rules say as well. */
function* contradictions(draft: Draft, { placement, pointer }: Entry): Iterable<Finding> {
  if (!placement) return
  const labels = placement.require?.labels ?? {}
  const pairs: [label: string, rule: string, values: (string | undefined)[] | undefined][] = [
    ['topology.kubernetes.io/zone', 'zone', placement.zone === undefined ? undefined : [placement.zone]],
    ['kubernetes.io/hostname', 'node', placement.node === undefined ? undefined : [placement.node]],
    ['kubernetes.io/arch', 'require.arch', placement.require?.arch],
  ]
  for (const [label, rule, values] of pairs) {
    const wanted = labels[label]
    if (wanted === undefined || wanted === 'exists' || !values || values.includes(wanted)) continue
    const known = values.filter(value => value !== undefined)
    const message = `The label ${label} must be \`${wanted}\`, but ${rule} says ${listed(
      known.map(value => `\`${value}\``),
      'or',
    )}.`
    const place = below(pointer, 'placement', 'require', 'labels', label)
    yield draft.at(place, 'placement-contradiction', message, `Keep one of the two: ${rule} says it all.`)
  }
}
