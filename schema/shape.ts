import type { ErrorObject } from 'ajv'
import type { Finding } from './finding.ts'
import { ShapeError } from './shape-error.ts'
import { sentence } from './shape-words.ts'
import { suggest } from './suggest.ts'
import validate from './validator.generated.js'
import { steps, type YamlDocument } from './yaml-document.ts'

/** What JSON Schema has to say, one finding for each mistake, and the pointers of the parts that are wrong. */
export function checkShape(document: YamlDocument): { findings: Finding[]; wrong: string[][] } {
  validate(document.value)
  const errors = onePerPlace((validate.errors ?? []).filter(told).map(error => new ShapeError(error)))
  const kept = errors.filter(error => !explained(error, errors))
  return {
    findings: kept.map(error => finding(document, error)),
    wrong: kept.filter(error => error.spoils).map(error => steps(error.pointer)),
  }
}

/** Branches of `oneOf` and parts of `propertyNames` are told by the error that sums them up, and what is no mapping
 *  by its type alone: `required`, and so `oneOf`, holds for all that can have no keys. */
function told({ keyword, schemaPath, data }: ErrorObject): boolean {
  if (keyword === 'oneOf') return typeof data === 'object' && data !== null && !Array.isArray(data)
  return keyword !== 'propertyNames' && !/\/oneOf\/\d+\/required$/.test(schemaPath)
}

/** A value that has the wrong type has no wrong pattern as well: the first in order of weight stays. */
function onePerPlace(errors: ShapeError[]): ShapeError[] {
  const places = new Map<string, ShapeError>()
  for (const error of errors) {
    const known = places.get(error.place)
    if (!known || error.weight < known.weight) places.set(error.place, error)
  }
  return [...places.values()]
}

/** `form: parse` is one mistake, though it is an unknown key and leaves `from` out. */
function explained(error: ShapeError, all: ShapeError[]): boolean {
  const missing = error.missing
  if (missing.length === 0) return false
  return all.some(other => {
    if (other.unknownKey === undefined || other.parent !== error.pointer) return false
    const meant = suggest(other.unknownKey, other.allowedKeys)
    return meant !== undefined && missing.includes(meant)
  })
}

function finding(document: YamlDocument, error: ShapeError): Finding {
  const offset = error.atKey ? document.keyAt(error.pointer) : document.valueAt(error.pointer)
  const { code, message, hint } = sentence(error, document.written(error.pointer))
  return document.source.finding(offset, code, message, hint)
}
