import { readFileSync } from 'node:fs'
import { Ajv, type AnySchema } from 'ajv'
import addFormats from 'ajv-formats'

interface Described {
  method: string
  path: string
  query: Record<string, AnySchema>
  request?: AnySchema
  needsBody: boolean
  /** By HTTP status. */
  answers: Record<string, AnySchema>
}

export interface Operation extends Described {
  /** Values of the path's parameters. */
  parameters: Record<string, string>
}

const { operations, definitions } = JSON.parse(
  readFileSync(new URL('github-api.json', import.meta.url), 'utf8'),
) as { operations: Described[]; definitions: Record<string, AnySchema> }

const ajv = new Ajv({ strict: false, allErrors: true, coerceTypes: 'array', formats: { 'repo.nwo': true } })
addFormats.default(ajv)

/** What a request is, by GitHub's own description. @returns undefined for what is not in it */
export function operationOf(method: string, path: string): Operation | undefined {
  for (const operation of operations) {
    if (operation.method !== method) continue
    const pattern = operation.path.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')
    const found = new RegExp(`^${pattern}$`).exec(path)
    if (found) return { ...operation, parameters: { ...found.groups } }
  }
  return undefined
}

/** @returns what is wrong with it, in words */
export function faultsOf(value: unknown, schema: AnySchema): string[] {
  const whole = typeof schema === 'boolean' ? schema : { ...(schema as object), definitions }
  const validate = ajv.compile(whole)
  if (validate(value)) return []
  return validate.errors!.map(({ instancePath, message }) => `${instancePath || '/'} ${message}`)
}

/** What any operation may answer without saying so: an error, of GitHub's own or of a gateway before it. */
const anyError = { anyOf: [{ $ref: '#/definitions/basic-error' }, { type: 'string' }] }

/** @returns what is wrong with an answer, in words */
export function faultsOfAnswer({ answers }: Operation, status: number, answer: unknown): string[] {
  const described = answers[status]
  if (described === undefined && status < 400) return ['is none of those that are described']
  return faultsOf(answer, described ?? anyError)
}
