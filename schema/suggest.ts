import { closestMatch } from 'leven'

/** The candidate that was probably meant, or nothing if none is near: a wrong guess is worse than none. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const maxDistance = word.length <= 3 ? 1 : word.length <= 6 ? 2 : 3
  return closestMatch(word.slice(0, 80), [...candidates], { maxDistance })
}

/** A hint: the near miss if there is one, or else what there is to choose from. */
export function didYouMean(word: string, candidates: readonly string[], otherwise: string): string {
  const near = suggest(word, candidates)
  return near === undefined ? otherwise : `Did you mean \`${near}\`?`
}

/** `a, b and c`, cut after twelve. */
export function listed(words: readonly string[], last = 'and'): string {
  if (words.length > 12) return `${words.slice(0, 12).join(', ')} … (${words.length} in all)`
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.at(-1)}`
}
