import { type Described, described } from './schema.ts'
import type { ShapeError } from './shape-error.ts'
import { didYouMean, listed } from './suggest.ts'
import { steps } from './yaml-document.ts'

interface Words {
  code: string
  message: string
  hint: string
}

/** The error in plain words, and what to write instead. `written` is the text of the value in the file. */
export function sentence(error: ShapeError, written: string): Words {
  const { params, data } = error.error
  const where = named(error.pointer)
  switch (error.keyword) {
    case 'additionalProperties': {
      const keys = error.allowedKeys
      const choice = keys.length === 0 ? 'Write {}: it takes no keys.' : `Keys here are ${listed(keys)}.`
      const message = `${named(error.parent)} takes no key \`${error.unknownKey}\`.`
      return { code: 'unknown-key', message, hint: didYouMean(error.unknownKey!, keys, choice) }
    }
    case 'required': {
      const key: string = params.missingProperty
      const hint = `Add \`${key}\`${example(error.schema.properties?.[key], key)}.`
      return { code: 'missing-key', message: `${where} has no \`${key}\`.`, hint }
    }
    case 'oneOf':
      return oneOf(error, where)
    case 'dependentRequired': {
      const needed = params.missingProperty
      return {
        code: 'key-without-other',
        message: `${where} only goes with \`${needed}\`.`,
        hint: `Leave it out: it has no meaning without \`${needed}\`.`,
      }
    }
    case 'type':
      return wrongType(error, where, written)
    case 'enum':
    case 'const': {
      const allowed = (error.keyword === 'enum' ? params.allowedValues : [params.allowedValue]) as string[]
      const words = allowed.map(value => `\`${value}\``)
      const choice = `Write ${listed(words, 'or')}.`
      const hint = typeof data === 'string' ? didYouMean(synonyms.get(data) ?? data, allowed, choice) : choice
      return { code: 'unknown-value', message: `${where} can't be ${shown(data)}.`, hint }
    }
    case 'pattern':
      return badPattern(error, where)
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum': {
      const bound = { minimum: 'at least', maximum: 'at most', exclusiveMinimum: 'more than' }[error.keyword]
      const message = `${where} is ${shown(data)}, but it must be ${bound} ${params.limit}.`
      return { code: 'out-of-range', message, hint: `Write a number ${bound} ${params.limit}.` }
    }
    case 'maxLength': {
      const message = `${subject(error, where)} is ${[...String(keyOr(error, data))].length} characters long; the limit is ${params.limit}.`
      return { code: 'too-long', message, hint: 'Shorten it.' }
    }
    case 'uniqueItems':
      return {
        code: 'repeated',
        message: `${shown((data as unknown[])[params.i])} is in the list twice.`,
        hint: 'Keep it once.',
      }
    case 'minProperties':
    case 'minItems':
    case 'minLength': {
      const hint = `Write at least one${example(error.schema)}.`
      return { code: 'empty', message: `${where} is empty.`, hint }
    }
    default:
      return {
        code: 'invalid',
        message: `${where} ${error.error.message}.`,
        hint: error.schema.description ?? '',
      }
  }
}

/** What people write for an architecture that has another name here. */
const synonyms = new Map([
  ['x64', 'amd64'],
  ['x86_64', 'amd64'],
  ['aarch64', 'arm64'],
  ['armv7', 'arm'],
  ['armv7l', 'arm'],
])

function oneOf(error: ShapeError, where: string): Words {
  const all = error.alternatives.map(key => `\`${key}\``)
  const present = error.present.map(key => `\`${key}\``)
  if (present.length === 0) {
    const hint = `Add one of them${example(error.schema)}.`
    return { code: 'missing-kind', message: `${where} says none of ${listed(all)}.`, hint }
  }
  const hint = `Keep one, and write the other in an entry of its own.`
  return { code: 'several-kinds', message: `${where} says ${listed(present)}, but it can be only one.`, hint }
}

function wrongType(error: ShapeError, where: string, written: string): Words {
  const expected = [error.error.schema].flat() as string[]
  const { data } = error.error
  const words = expected.map(type => kinds[type] ?? type)
  const message = `${where} must be ${listed(words, 'or')}, but ${found(data, written)}.`
  return { code: 'wrong-type', message, hint: typeHint(error, expected, written) }
}

function typeHint(error: ShapeError, expected: string[], written: string): string {
  const { data } = error.error
  if (expected.includes('string') && (typeof data === 'number' || typeof data === 'boolean')) {
    const { pattern } = error.schema
    const fits = pattern === undefined || new RegExp(pattern, 'u').test(written)
    return fits ? `Put it in quotes: "${written}".` : advice(error.schema)
  }
  const number = expected.includes('integer') || expected.includes('number')
  if (number && typeof data === 'string' && /^[0-9]+$/.test(data)) return `Write it without quotes: ${data}.`
  if (number && typeof data === 'number') return 'Write a whole number.'
  if (expected.includes('boolean')) return 'Write true or false, without quotes.'
  return `Write ${kinds[expected[0]!]}${example(error.schema)}.`
}

function badPattern(error: ShapeError, where: string): Words {
  const value = keyOr(error, error.error.data)
  const message =
    error.error.propertyName === undefined
      ? `${where} can't be ${shown(value)}.`
      : `\`${value}\` can't be a name in ${named(error.parent)}.`
  return {
    code: error.schema.title === 'Name' ? 'bad-name' : 'bad-value',
    message,
    hint: advice(error.schema),
  }
}

function advice(schema: Described): string {
  const sample = described(schema).examples?.[0]
  return `${schema.patternErrorMessage}${sample === undefined ? '' : ` For example \`${flow(sample)}\`.`}`
}

const keyOr = (error: ShapeError, data: unknown) => error.error.propertyName ?? data

const subject = (error: ShapeError, where: string) =>
  error.error.propertyName === undefined ? where : `The name in ${named(error.parent)}`

const kinds: Record<string, string> = {
  string: 'text',
  array: 'a list',
  object: 'a mapping',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
}

function found(data: unknown, written: string): string {
  if (data === null) return written === '' ? 'nothing is written there' : `\`${written}\` stands for nothing`
  if (Array.isArray(data)) return 'it is a list'
  if (typeof data === 'object') return 'it is a mapping'
  if (typeof data === 'string') return `it is the text ${shown(data)}`
  return `YAML reads \`${written}\` as a ${typeof data}`
}

/** `, for example …`: in the way a person writes YAML. */
function example(schema: Described | undefined, key?: string): string {
  const value = schema && described(schema).examples?.[0]
  if (value === undefined) return ''
  return `, for example \`${key === undefined ? '' : `${key}: `}${flow(value)}\``
}

/** One-line YAML of an example. */
export function flow(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flow).join(', ')}]`
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' ? plain(value) : String(value)
  const entries = Object.entries(value).map(([key, inner]) => `${key}: ${flow(inner)}`)
  return entries.length === 0 ? '{}' : `{ ${entries.join(', ')} }`
}

/** Quotes what YAML would read as something else than text. */
const plain = (text: string) =>
  /^[A-Za-z/][^:#,[\]{}]*$|^[a-z]+:\/\/[^,[\]{}#]+$|^\d+[a-zA-Z]+$/.test(text) ? text : `"${text}"`

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `\`${text.length > 60 ? `${text.slice(0, 57)}…` : text}\``
}

/** `functions.parse.from[0]`, or `The file` for the whole. */
export function named(pointer: string): string {
  if (pointer === '') return 'The file'
  return steps(pointer).reduce((path, step) => (/^\d+$/.test(step) ? `${path}[${step}]` : `${path}.${step}`))
}
