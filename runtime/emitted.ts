import { HandlingError } from './dead-letter.ts'
import { type Flat, flatLength } from './flat.ts'

const maxRecordSize = 1024 * 1024

/** One value for an output of a node. */
export interface Emitted {
  output: string
  value: unknown
  /** What leaves: the value as JSON, or itself where it is flat and nobody can change it before it is sent. */
  carried: string | Flat
  /** Characters as JSON, about. */
  length: number
}

/** A value as it is now. @throws HandlingError when it is no JSON, or too large */
export function emittedOf(output: string, value: unknown): Emitted {
  const carried = JSON.stringify(value)
  if (carried === undefined)
    throw new HandlingError('not-json', `output "${output}" is a ${typeof value}, which JSON can't carry`)
  const { length } = carried
  if (length <= maxRecordSize) return { output, value, carried, length }
  const message = `output "${output}" has ${length} characters, over the limit of ${maxRecordSize}`
  throw new HandlingError('too-large', message)
}

/** A value that nobody changes before it is sent. @throws HandlingError as above */
export function givenOf(output: string, value: unknown): Emitted {
  const length = flatLength(value)
  return length === undefined ? emittedOf(output, value) : { output, value, carried: value as Flat, length }
}

/** Makes it last. */
export function keep(emitted: Emitted) {
  if (typeof emitted.carried !== 'string') emitted.carried = JSON.stringify(emitted.carried)
}
