import {
  COLLECTION_STYLE,
  EVENT_ID,
  type Event,
  getScalarValue,
  SCALAR_STYLE,
  type ScalarEvent,
} from 'js-yaml'
import type { Finding } from './finding.ts'
import type { SourceText } from './source-text.ts'
import { below, type Range, type Ranges } from './yaml-document.ts'

type NodeEvent = Exclude<Event, { type: typeof EVENT_ID.POP | typeof EVENT_ID.DOCUMENT }>

interface Place {
  pointer: string
  range: Range
}

interface Collection {
  pointer: string
  map: boolean
  /** Keys seen, with where each stands. */
  keys: Map<string, number>
  /** The place of the key that waits for its value. */
  pending: Place | undefined
  items: number
}

type Refusal = readonly [code: string, message: string, hint: string]

const refusals = {
  alias: ['yaml-alias', 'Aliases (*name) are not allowed.', 'Write the value out.'],
  anchor: ['yaml-anchor', 'Anchors (&name) are not allowed.', 'Leave the anchor out.'],
  tag: ['yaml-tag', 'Tags (!name) are not allowed.', 'Write the plain value, in quotes if it is text.'],
  key: ['yaml-key', 'A key must be a plain word.', 'Write `key: value`.'],
  merge: ['yaml-merge', 'Merge keys (<<) are not allowed.', 'Write the keys out.'],
  documents: [
    'yaml-documents',
    'There is more than one YAML document (---) in this file.',
    'Keep one dataflow per file; put another one in a folder of its own.',
  ],
} satisfies Record<string, Refusal>

/** Goes through the events once: notes where everything stands, and what the language doesn't allow. */
export class YamlWalk {
  readonly findings: Finding[] = []
  readonly ranges: Ranges = new Map()
  readonly #open: Collection[] = []
  readonly #source: SourceText
  /** End of what was read so far. */
  #end = 0

  constructor(source: SourceText, events: Event[]) {
    this.#source = source
    let documents = 0
    for (const event of events) {
      if (event.type === EVENT_ID.POP) this.#open.pop()
      else if (event.type !== EVENT_ID.DOCUMENT) this.#node(event)
      else if (++documents > 1) {
        this.#refuse(source.text.indexOf('\n---', this.#end) + 1, refusals.documents)
        return
      }
    }
  }

  #node(event: NodeEvent) {
    if (event.type === EVENT_ID.ALIAS) this.#refuse(event.anchorStart - 1, refusals.alias)
    else {
      if (event.anchorStart >= 0) this.#refuse(event.anchorStart - 1, refusals.anchor)
      if (event.tagStart >= 0) this.#refuse(event.tagStart, refusals.tag)
    }
    const parent = this.#open.at(-1)
    if (parent?.map && parent.pending === undefined) this.#key(parent, event)
    else this.#value(parent, event)
  }

  #key(parent: Collection, event: NodeEvent) {
    if (event.type !== EVENT_ID.SCALAR) {
      parent.pending = this.#place('', 0)
      if (event.type === EVENT_ID.ALIAS) return
      this.#refuse(event.start, refusals.key)
      this.#enter('', event.type === EVENT_ID.MAPPING)
      return
    }
    const start = startOf(event)
    const key = getScalarValue(this.#source.text, event)
    const first = parent.keys.get(key)
    if (key === '<<') this.#refuse(start, refusals.merge)
    else if (first !== undefined) {
      const hint = `Keep one of the two; the first is on line ${this.#source.position(first).line}.`
      this.#refuse(start, ['yaml-duplicate-key', `The key \`${key}\` is there twice.`, hint])
    } else parent.keys.set(key, start)
    this.#end = event.valueEnd
    parent.pending = this.#place(below(parent.pointer, key), start)
  }

  #value(parent: Collection | undefined, event: NodeEvent) {
    const { pointer, range } = parent?.pending ?? this.#item(parent, event)
    if (parent) parent.pending = undefined
    if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) {
      range.start = event.start
      range.end = event.start + 1
      range.block = event.style === COLLECTION_STYLE.BLOCK
      this.#enter(pointer, event.type === EVENT_ID.MAPPING)
    } else if (event.type === EVENT_ID.SCALAR && event.valueStart >= 0) {
      this.#end = event.valueEnd
      range.start = startOf(event)
      range.end = this.#end
    }
  }

  /** The place of what has no key: an item of a list, or the whole document. */
  #item(parent: Collection | undefined, event: NodeEvent): Place {
    const start = event.type === EVENT_ID.SCALAR ? startOf(event) : 'start' in event ? event.start : this.#end
    return this.#place(parent ? below(parent.pointer, parent.items++) : '', start < 0 ? this.#end : start)
  }

  #place(pointer: string, key: number): Place {
    const range = { key, start: this.#end, end: this.#end, block: false }
    this.ranges.set(pointer, range)
    return { pointer, range }
  }

  #enter(pointer: string, map: boolean) {
    this.#open.push({ pointer, map, keys: new Map(), pending: undefined, items: 0 })
  }

  #refuse(offset: number, [code, message, hint]: Refusal) {
    this.findings.push(this.#source.finding(offset, code, message, hint))
  }
}

/** Where a person sees it begin: at the quote, which js-yaml leaves out. */
function startOf({ style, valueStart }: ScalarEvent): number {
  const quoted = style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED
  return quoted ? valueStart - 1 : valueStart
}
