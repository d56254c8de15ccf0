import type { SourceText } from './source-text.ts'

export interface Range {
  /** Offset of the key that holds the value; of the value itself in a list and at the root. */
  key: number
  start: number
  end: number
  /** A collection written in lines of its own: better pointed at by its key. */
  block: boolean
}

/** A YAML file after parsing: its plain value, and where each part of it stands. Parts are named by JSON pointer. */
export class YamlDocument {
  readonly source: SourceText
  readonly value: unknown
  readonly #ranges: Ranges

  constructor(source: SourceText, value: unknown, ranges: Ranges) {
    this.source = source
    this.value = value
    this.#ranges = ranges
  }

  /** Offset to show for what is wrong with a value. */
  valueAt(pointer: string): number {
    const range = this.#ranges.get(pointer)
    if (!range) return this.keyAt(pointer.slice(0, pointer.lastIndexOf('/')))
    return range.block || range.start === range.end ? range.key : range.start
  }

  /** Offset to show for what is wrong with a key, or with what is missing under it. */
  keyAt(pointer: string): number {
    const range = this.#ranges.get(pointer)
    return range ? range.key : 0
  }

  /** The value as it is written, quotes left out: `0644`, where the value is 644. */
  written(pointer: string): string {
    const range = this.#ranges.get(pointer)
    return range ? this.source.text.slice(range.start, range.end) : ''
  }
}

export type Ranges = Map<string, Range>

/** JSON pointer of a part below another. */
export const below = (pointer: string, ...steps: (string | number)[]) =>
  steps.reduce<string>((path, step) => `${path}/${typeof step === 'number' ? step : escaped(step)}`, pointer)

export const steps = (pointer: string) =>
  pointer
    .split('/')
    .slice(1)
    .map(step => step.replaceAll('~1', '/').replaceAll('~0', '~'))

const escaped = (step: string) =>
  /[~/]/.test(step) ? step.replaceAll('~', '~0').replaceAll('/', '~1') : step
