import type { ErrorObject } from 'ajv'
import type { Described } from './schema.ts'
import { below } from './yaml-document.ts'

const weights = ['type', 'enum', 'const', 'minLength', 'maxLength', 'pattern']

/** One error of ajv, with the place that a person would point at. */
export class ShapeError {
  readonly keyword: string
  /** JSON pointer of the part that is wrong. */
  readonly pointer: string
  /** Whether the key is wrong, or something under it is missing, rather than the value. */
  readonly atKey: boolean
  /** Whether the part must be left out of further checks. */
  readonly spoils: boolean
  readonly error: ErrorObject

  constructor(error: ErrorObject) {
    this.error = error
    this.keyword = error.keyword
    const key = error.propertyName ?? this.unknownKey
    this.pointer = this.#pointer(key)
    const whole = ['required', 'oneOf', 'minProperties', 'dependentRequired']
    this.atKey = key !== undefined || whole.includes(this.keyword)
    this.spoils = !whole.includes(this.keyword) && error.propertyName === undefined
  }

  #pointer(key: string | undefined): string {
    const { instancePath, params } = this.error
    if (key !== undefined) return below(instancePath, key)
    if (this.keyword === 'dependentRequired') return below(instancePath, params.property)
    if (this.keyword === 'uniqueItems') return below(instancePath, params.i)
    return instancePath
  }

  get schema(): Described {
    return this.error.parentSchema as Described
  }

  /** Errors of one place say one thing; what is missing is told key by key. */
  get place(): string {
    return `${this.pointer} ${this.keyword === 'required' ? this.error.params.missingProperty : this.atKey}`
  }

  get weight(): number {
    const weight = weights.indexOf(this.keyword)
    return weight === -1 ? weights.length : weight
  }

  get unknownKey(): string | undefined {
    return this.error.keyword === 'additionalProperties' ? this.error.params.additionalProperty : undefined
  }

  get parent(): string {
    return this.error.instancePath
  }

  get allowedKeys(): string[] {
    return Object.keys(this.schema.properties ?? {})
  }

  /** Keys any of which would mend it. */
  get missing(): string[] {
    if (this.keyword === 'required') return [this.error.params.missingProperty]
    if (this.keyword === 'oneOf' && this.present.length === 0) return this.alternatives
    return []
  }

  get alternatives(): string[] {
    return (this.schema.oneOf ?? []).flatMap(branch => branch.required)
  }

  get present(): string[] {
    return this.alternatives.filter(key => Object.hasOwn(this.error.data as object, key))
  }
}
