import type { DeadLetter } from '../../controller/broker/dead-letters.ts'
import { ago } from '../ago.ts'

import { table } from '../table.ts'

const VALUE_CHARACTERS = 60

/** The table of `dyninka dead list`. */
export function lettersText(letters: DeadLetter[]): string {
  if (letters.length === 0) return 'No dead letters.'
  return table(
    ['FUNCTION', 'ID', 'AGE', 'REASON', 'TRIES', 'MESSAGE', 'RECORD'].map(head => ({ head })),
    letters.map(letter => [
      ...[letter.function, `${letter.partition}/${letter.n}`, ago(letter.at), letter.reason],
      ...[String(letter.attempts), firstLine(letter.message), cut(JSON.stringify(letter.record.value) ?? '')],
    ]),
  )
}

const firstLine = (text: string) => cut(text.split('\n', 1)[0]!)

const cut = (text: string) =>
  text.length > VALUE_CHARACTERS ? `${text.slice(0, VALUE_CHARACTERS - 1)}…` : text
