import { type Change, lineEnding, lineOf } from './change.ts'
import { type Entry, isOpenEnded, type Mapping } from './tree.ts'

/** The last one of that name: the one that counts. */
export const entryOf = ({ entries }: Mapping, name: string) => entries.findLast(entry => entry.name === name)

/** Adds `key: value` after what is there. @returns undefined where the text has a shape that leaves no place for it */
export function added(text: string, mapping: Mapping, written: string): Change[] | undefined {
  return mapping.isFlow ? addedInFlow(text, mapping, written) : addedAsLine(text, mapping, written)
}

function addedAsLine(text: string, { entries }: Mapping, written: string): Change[] | undefined {
  const indent = indentOf(text, entries[0]!)
  if (indent === undefined) return undefined
  const eol = lineEnding(text)
  const after = entries.findLast(({ value }) => !isOpenEnded(value))
  if (after) {
    const { end } = lineOf(text, after.value.end)
    return [{ from: end, to: end, text: `${eol}${indent}${written}` }]
  }
  const { start } = lineOf(text, entries[0]!.key.start)
  return [{ from: start, to: start, text: `${indent}${written}${eol}` }]
}

function addedInFlow(text: string, mapping: Mapping, written: string): Change[] {
  const last = mapping.entries.at(-1)
  if (!last) {
    const inside = text.slice(mapping.start + 1, mapping.end - 1)
    const from = mapping.start + 1
    if (inside.trim() === '') return [{ from, to: mapping.end - 1, text: ` ${written} ` }]
    return [{ from, to: from, text: ` ${written}` }]
  }
  const { end } = last.value
  const line = lineOf(text, end)
  const indent = indentOf(text, last)
  const [, comma = ''] = /^\s*(,?)\s*(?:#.*)?$/.exec(text.slice(end, line.end)) ?? []
  const isAlone = indent !== undefined && /^\s*,?\s*(?:#.*)?$/.test(text.slice(end, line.end))
  if (!isAlone) return [{ from: end, to: end, text: `, ${written}` }]
  const row = `${lineEnding(text)}${indent}${written}${comma}`
  if (comma === '' && end === line.end) return [{ from: end, to: end, text: `,${row}` }]
  return [
    ...(comma === '' ? [{ from: end, to: end, text: ',' }] : []),
    { from: line.end, to: line.end, text: row },
  ]
}

/** Takes an entry out, and leaves every comment. */
export function removed(text: string, mapping: Mapping, entry: Entry): Change[] {
  const { start } = entry.key
  const { end } = entry.value
  const line = lineOf(text, start)
  const last = lineOf(text, end)
  const isFirstOfLine = text.slice(line.start, start).trim() === ''
  const rest = text.slice(end, last.end)
  if (isFirstOfLine && (mapping.isFlow ? /^\s*,?\s*$/ : /^\s*$/).test(rest)) {
    return [wholeLines(text, line.start, last.end)]
  }
  if (!mapping.isFlow) {
    const comment = end + rest.length - rest.trimStart().length
    return [{ from: start, to: comment, text: '' }]
  }
  const index = mapping.entries.indexOf(entry)
  const [before, after] = [mapping.entries[index - 1], mapping.entries[index + 1]]
  const isOnlyComma = (from: number, to: number) => /^[ \t]*,[ \t]*$/.test(text.slice(from, to))
  if (after && isOnlyComma(end, after.key.start)) return [{ from: start, to: after.key.start, text: '' }]
  if (!after && before && isOnlyComma(before.value.end, start))
    return [{ from: before.value.end, to: end, text: '' }]
  const comma = /^\s*,[ \t]*/.exec(rest)?.[0].length ?? 0
  const isAll = !before && !after && text.slice(mapping.start + 1, start).trim() === '' && rest.trim() !== ''
  if (isAll && text.slice(end, mapping.end - 1).trim() === '')
    return [{ from: mapping.start + 1, to: mapping.end - 1, text: '' }]
  return [{ from: start, to: end + comma, text: '' }]
}

/** With one of the two line endings around them. */
function wholeLines(text: string, from: number, to: number): Change {
  const ending = /^\r?\n/.exec(text.slice(to))?.[0].length ?? 0
  if (ending > 0 || from === 0) return { from, to: to + ending, text: '' }
  return { from: text[from - 2] === '\r' ? from - 2 : from - 1, to, text: '' }
}

/** What stands before a key that begins its line; undefined where it doesn't. */
function indentOf(text: string, { key }: Entry): string | undefined {
  const before = text.slice(lineOf(text, key.start).start, key.start)
  return /^[ \t]*$/.test(before) ? before : undefined
}
