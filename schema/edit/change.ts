/** Replaces what is between two offsets of a text. */
export interface Change {
  from: number
  to: number
  text: string
}

/** @param changes that don't overlap */
export const applied = (text: string, changes: readonly Change[]): string =>
  changes
    .toSorted((a, b) => b.from - a.from || b.to - a.to)
    .reduce((whole, { from, to, text }) => whole.slice(0, from) + text + whole.slice(to), text)

/** Where the line of an offset starts and ends, its line ending left out. */
export function lineOf(text: string, offset: number): { start: number; end: number } {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  const feed = text.indexOf('\n', offset)
  const end = feed === -1 ? text.length : text[feed - 1] === '\r' && feed > start ? feed - 1 : feed
  return { start, end: Math.max(end, offset) }
}

/** Of the first line: what a new one gets. */
export const lineEnding = (text: string) => (/^[^\n]*\r\n/.test(text) ? '\r\n' : '\n')
