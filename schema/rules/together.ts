import type { Draft, Entry } from '../draft.ts'
import type { Finding } from '../finding.ts'
import { listed } from '../suggest.ts'
import { below } from '../yaml-document.ts'
import { setsOf, whereShared } from './decisions.ts'

/** What can't hold for functions that share a node, in whatever circle they say so. */
export function together(draft: Draft): Finding[] {
  const sets = setsOf(draft)
  return [...draft.entries.values()].flatMap(entry => {
    const set = sets.get(entry.name)
    if (!set) return []
    const before = set.slice(0, set.indexOf(entry.name)).map(name => draft.entries.get(name)!)
    return [
      ...decisions(draft, entry, before),
      ...switches(draft, entry, before),
      ...requirements(draft, entry, before),
      ...apart(draft, entry, set),
    ]
  })
}

const code = 'with-contradiction'

/** Where each is decided to run. */
function* decisions(draft: Draft, entry: Entry, before: Entry[]): Iterable<Finding> {
  for (const kind of ['zone', 'node'] as const) {
    const own = entry.placement?.[kind]
    const other = before.find(({ placement }) => placement?.[kind] !== undefined)
    const value = other?.placement?.[kind]
    if (own === undefined || value === undefined || own === value) continue
    const line = draft.line(below(other!.pointer, 'placement', kind))
    const message = `\`${entry.name}\` is to run in ${kind} \`${own}\`, but it shares a node with \`${other!.name}\`, whose ${kind} is \`${value}\` (line ${line}).`
    const pointer = below(entry.pointer, 'placement', kind)
    yield draft.at(pointer, code, message, `Leave one of the two out: it counts for both.`)
  }
}

function* switches(draft: Draft, entry: Entry, before: Entry[]): Iterable<Finding> {
  const own = entry.placement?.when
  const other = before.find(({ placement }) => placement?.when !== undefined)
  if (own === undefined || !other || JSON.stringify(own) === JSON.stringify(other.placement!.when)) return
  const line = draft.line(below(other.pointer, 'placement', 'when'))
  const message = `\`${entry.name}\` says when it switches, and \`${other.name}\`, with which it shares a node, says otherwise (line ${line}).`
  const pointer = below(entry.pointer, 'placement', 'when')
  yield draft.atKey(pointer, code, message, 'Leave one of the two out: it counts for both.')
}

/** What each needs of its node. */
function* requirements(draft: Draft, entry: Entry, before: Entry[]): Iterable<Finding> {
  const { arch, labels = {} } = entry.placement?.require ?? {}
  for (const other of before) {
    const theirs = other.placement?.require
    const at = (...path: string[]) => below(other.pointer, 'placement', 'require', ...path)
    if (arch && theirs?.arch && !arch.some(name => name !== undefined && theirs.arch!.includes(name))) {
      const [own, needed] = [arch, theirs.arch].map(names =>
        listed(
          names.filter(name => name !== undefined),
          'or',
        ),
      )
      const message = `\`${entry.name}\` needs ${own}, but it shares a node with \`${other.name}\`, which needs ${needed} (line ${draft.line(at('arch'))}).`
      yield draft.at(below(entry.pointer, 'placement', 'require', 'arch'), code, message, apartHint)
    }
    for (const [label, value] of Object.entries(labels)) {
      const needed = theirs?.labels?.[label]
      if (value === undefined || needed === undefined || [value, needed].includes('exists')) continue
      if (value === needed) continue
      const message = `\`${entry.name}\` needs the label \`${label}: ${value}\`, but it shares a node with \`${other.name}\`, which needs \`${needed}\` (line ${draft.line(at('labels', label))}).`
      yield draft.at(below(entry.pointer, 'placement', 'require', 'labels', label), code, message, apartHint)
    }
  }
}

const apartHint = 'Ask for the same, or leave out `with`.'

function* apart(draft: Draft, entry: Entry, set: string[]): Iterable<Finding> {
  for (const [index, name] of (entry.placement?.apart ?? []).entries()) {
    if (name === undefined || name === entry.name || !set.includes(name)) continue
    const line = draft.line(whereShared(draft, entry.name, name, set))
    const message = `\`${entry.name}\` can't be apart from \`${name}\`: the two are to share a node (line ${line}).`
    const pointer = below(entry.pointer, 'placement', 'apart', index)
    yield draft.at(pointer, code, message, 'Keep one of the two: `apart`, or `with`.')
  }
}
