import type { YAMLException } from 'js-yaml'
import type { Finding } from './finding.ts'
import type { SourceText } from './source-text.ts'

/** js-yaml stops at the first syntax error: says where it is, and, as far as the text shows it, why. */
export function syntaxFinding(source: SourceText, error: YAMLException): Finding {
  const offset = error.mark?.position ?? 0
  const { line } = source.position(offset)
  const start = source.lineStart(line)
  const written = source.text.slice(start, source.lineStart(line + 1)).trimEnd()
  const tab = /^ *\t/.exec(written)
  if (tab) {
    const hint = 'Indent with spaces: two for each level.'
    return source.finding(start + tab[0].length - 1, 'yaml-tab', 'A tab indents this line.', hint)
  }
  const colon = /^[^'"#]*?: ([^'"[{|>][^#]*: .*)$/.exec(written)
  if (colon) {
    const hint = `Put the value in quotes if it has a colon in it: "${colon[1]!.trim()}".`
    return source.finding(offset, 'yaml-syntax', 'This line has two colons where YAML takes one.', hint)
  }
  const message = `This is not valid YAML: ${error.reason}.`
  return source.finding(offset, 'yaml-syntax', message, hintFor(error.reason))
}

/** Hints only: a reason that is not known here loses nothing but its advice. */
function hintFor(reason: string): string {
  if (/deficient|unexpected end/.test(reason)) return 'Close the quote, [ or { that is open above.'
  if (/indent/.test(reason))
    return 'Give keys of one mapping the same indentation, and what belongs to a key more.'
  if (/flow collection|flow sequence|flow mapping|\}|\]/.test(reason))
    return 'Close every [ and {, and put a comma between.'
  if (/null byte|non-printable/.test(reason)) return 'Remove the character that is not text.'
  if (/nesting/.test(reason)) return 'Nothing in this language is nested that deep: take it out.'
  return 'Look at the line above as well: the mistake is often there.'
}
