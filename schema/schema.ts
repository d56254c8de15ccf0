import { readFileSync } from 'node:fs'

/** The parts of the JSON Schema that messages are made of. */
export interface Described {
  $ref?: string
  title?: string
  description?: string
  pattern?: string
  patternErrorMessage?: string
  examples?: unknown[]
  properties?: Record<string, Described>
  oneOf?: { required: string[] }[]
  $defs?: Record<string, Described>
}

export const schema: Described = JSON.parse(
  readFileSync(new URL('dataflow.schema.json', import.meta.url), 'utf8'),
)

/** A part with what it refers to; its own words come first. */
export function described(part: Described): Described {
  return part.$ref === undefined ? part : { ...schema.$defs?.[part.$ref.replace('#/$defs/', '')], ...part }
}
