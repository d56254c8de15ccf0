import type {
  Budget,
  Dataflow,
  DataflowFunction,
  DataflowSink,
  DataflowSource,
  Goal,
  Placement,
} from './dataflow.generated.ts'
import type { Finding } from './finding.ts'
import type { Input } from './flow.ts'
import { parseInput } from './input.ts'
import { below, type YamlDocument } from './yaml-document.ts'

/** What is left of a type when any part of a value may be missing. */
export type Partly<T> = T extends (infer Item)[]
  ? (Partly<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Partly<T[Key]> | undefined }
    : T

interface Placed {
  name: string
  pointer: string
  placement: Partly<Placement> | undefined
}

export type Entry = Placed &
  (
    | { kind: 'source'; spec: Partly<DataflowSource> }
    | { kind: 'function'; spec: Partly<DataflowFunction> }
    | { kind: 'sink'; spec: Partly<DataflowSink> }
  )

export interface WrittenInput extends Input {
  text: string
  pointer: string
}

/** A dataflow on the way to be checked by rules: what the schema found wrong is left out, so that a rule can
 *  trust the type of all that it finds, and a mistake is told once. */
export class Draft {
  readonly document: YamlDocument
  /** In the order of the file; of two with one name, the first. */
  readonly entries = new Map<string, Entry>()
  /** Entries whose name is taken. */
  readonly namesakes: Entry[] = []
  /** Names may be missing from `entries`, since a whole section is wrong or not there. */
  readonly incomplete: boolean
  readonly goal: Partly<Goal> | undefined
  readonly budget: Partly<Budget> | undefined

  constructor(document: YamlDocument, wrong: string[][]) {
    this.document = document
    const dataflow = without(document.value, wrong)
    const { sources, functions, sinks } = dataflow
    this.goal = dataflow.goal
    this.budget = dataflow.budget
    this.incomplete =
      [sources, functions].some(isEmpty) || wrong.some(([first, second]) => first === 'sinks' && !second)
    for (const [name, spec] of Object.entries(sources ?? {})) this.#add('source', name, spec)
    for (const [name, spec] of Object.entries(functions ?? {})) this.#add('function', name, spec)
    for (const [name, spec] of Object.entries(sinks ?? {})) this.#add('sink', name, spec)
  }

  #add(kind: Entry['kind'], name: string, spec: Entry['spec'] | undefined) {
    const pointer = below('', `${kind}s`, name)
    const entry = { kind, name, pointer, spec: spec ?? {}, placement: spec?.placement } as Entry
    if (this.entries.has(name)) this.namesakes.push(entry)
    else this.entries.set(name, entry)
  }

  get functions() {
    return [...this.entries.values()].filter(entry => entry.kind === 'function')
  }

  inputs(entry: Entry): WrittenInput[] {
    if (entry.kind === 'source') return []
    const from = entry.spec.from
    const pointer = below(entry.pointer, 'from')
    if (from === undefined) return []
    if (typeof from === 'string') return [{ ...parseInput(from), text: from, pointer }]
    return from.flatMap((text, index) =>
      text === undefined ? [] : [{ ...parseInput(text), text, pointer: below(pointer, index) }],
    )
  }

  /** For what names another place of the file. */
  line(pointer: string): number {
    return this.document.source.position(this.document.valueAt(pointer)).line
  }

  at(pointer: string, code: string, message: string, hint: string): Finding {
    return this.document.source.finding(this.document.valueAt(pointer), code, message, hint)
  }

  atKey(pointer: string, code: string, message: string, hint: string): Finding {
    return this.document.source.finding(this.document.keyAt(pointer), code, message, hint)
  }
}

const isEmpty = (section: object | undefined) => Object.keys(section ?? {}).length === 0

/** The value with `undefined` in these places: names and places in lists stay what they are. */
function without(value: unknown, paths: string[][]): Partly<Dataflow> {
  if (paths.length === 0) return value as Partly<Dataflow>
  if (paths.some(path => path.length === 0)) return {}
  const copy = structuredClone(value)
  for (const path of paths) {
    let parent = copy as Record<string, unknown> | undefined
    for (const step of path.slice(0, -1)) parent = parent?.[step] as typeof parent
    if (parent) parent[path.at(-1)!] = undefined
  }
  return copy as Partly<Dataflow>
}
