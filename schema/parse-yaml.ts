import {
  COLLECTION_STYLE,
  constructFromEvents,
  EVENT_ID,
  type Event,
  getScalarValue,
  parseEvents,
  YAMLException,
} from 'js-yaml'
import type { Finding } from './finding.ts'
import type { SourceText } from './source-text.ts'
import { below, type Ranges, YamlDocument } from './yaml-document.ts'
import { syntaxFinding } from './yaml-syntax.ts'

/** Reads the plain part of YAML that the language allows: one document, no anchors, merge keys or tags. */
export function parseYaml(source: SourceText): { document?: YamlDocument; findings: Finding[] } {
  try {
    const events = parseEvents(source.text, { filename: source.file })
    const walk = new Walk(source, events)
    walk.run()
    if (walk.findings.length > 0) return { findings: walk.findings }
    const [value] = constructFromEvents(events, { source: source.text })
    return { document: new YamlDocument(source, value, walk.ranges), findings: [] }
  } catch (error) {
    if (error instanceof YAMLException) return { findings: [syntaxFinding(source, error)] }
    throw error
  }
}

interface Collection {
  pointer: string
  map: boolean
  /** Keys seen, with where each stands. */
  keys: Map<string, number>
  /** The key that waits for its value. */
  pending?: string
  items: number
}

/** Goes through the events once: notes where everything stands, and what the language doesn't allow. */
class Walk {
  readonly findings: Finding[] = []
  readonly ranges: Ranges = new Map()
  readonly #open: Collection[] = []
  readonly #source: SourceText
  readonly #events: Event[]
  #documents = 0

  constructor(source: SourceText, events: Event[]) {
    this.#source = source
    this.#events = events
  }

  run() {
    for (const event of this.#events) {
      if (event.type === EVENT_ID.POP) this.#close()
      else if (event.type === EVENT_ID.DOCUMENT) this.#documents += 1
      else if (this.#documents > 1) return this.#severalDocuments(event)
      else this.#node(event)
    }
  }

  #node(event: Exclude<Event, { type: 1 | 6 }>) {
    if (event.type === EVENT_ID.ALIAS) {
      this.#refuse(
        event.anchorStart - 1,
        'yaml-alias',
        'Aliases (*name) are not allowed.',
        'Write the value out.',
      )
    } else {
      if (event.anchorStart >= 0) {
        this.#refuse(
          event.anchorStart - 1,
          'yaml-anchor',
          'Anchors (&name) are not allowed.',
          'Leave the anchor out.',
        )
      }
      if (event.tagStart >= 0) {
        this.#refuse(
          event.tagStart,
          'yaml-tag',
          'Tags (!name) are not allowed.',
          'Write the plain value, quoted if it is text.',
        )
      }
    }
    const parent = this.#open.at(-1)
    if (parent?.map && parent.pending === undefined) this.#key(parent, event)
    else this.#value(parent, event)
  }

  #key(parent: Collection, event: Exclude<Event, { type: 1 | 6 }>) {
    if (event.type !== EVENT_ID.SCALAR) {
      const start = event.type === EVENT_ID.ALIAS ? event.anchorStart - 1 : event.start
      if (event.type !== EVENT_ID.ALIAS) {
        this.#refuse(start, 'yaml-key', 'A key must be a plain word.', 'Write `key: value`.')
        this.#open.push({ pointer: '', map: event.type === EVENT_ID.MAPPING, keys: new Map(), items: 0 })
      }
      parent.pending = `\0${start}`
      return
    }
    const key = getScalarValue(this.#source.text, event)
    const first = parent.keys.get(key)
    if (key === '<<') {
      this.#refuse(event.valueStart, 'yaml-merge', 'Merge keys (<<) are not allowed.', 'Write the keys out.')
    } else if (first !== undefined) {
      const { line } = this.#source.position(first)
      const hint = `Keep one of the two; the first is on line ${line}.`
      this.#refuse(event.valueStart, 'yaml-duplicate-key', `The key "${key}" is there twice.`, hint)
    } else parent.keys.set(key, event.valueStart)
    parent.pending = key
    this.ranges.set(below(parent.pointer, key), {
      key: event.valueStart,
      start: event.valueEnd,
      end: event.valueEnd,
      block: false,
    })
  }

  #value(parent: Collection | undefined, event: Exclude<Event, { type: 1 | 6 }>) {
    const pointer = parent ? below(parent.pointer, parent.pending ?? parent.items) : ''
    const key = this.ranges.get(pointer)?.key
    if (parent) {
      parent.items += 1
      delete parent.pending
    }
    if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) {
      const block = event.style === COLLECTION_STYLE.BLOCK
      this.ranges.set(pointer, {
        ...(key !== undefined && { key }),
        start: event.start,
        end: event.start + 1,
        block,
      })
      this.#open.push({ pointer, map: event.type === EVENT_ID.MAPPING, keys: new Map(), items: 0 })
    } else if (event.type === EVENT_ID.SCALAR && event.valueStart >= 0) {
      const { valueStart: start, valueEnd: end } = event
      this.ranges.set(pointer, { ...(key !== undefined && { key }), start, end, block: false })
    }
  }

  #close() {
    this.#open.pop()
  }

  #severalDocuments(event: Event) {
    const start = 'start' in event ? event.start : 'valueStart' in event ? event.valueStart : 0
    const hint = 'Keep one dataflow per file; put another one in a folder of its own.'
    this.#refuse(start, 'yaml-documents', 'There is more than one YAML document (---) in this file.', hint)
  }

  #refuse(offset: number, code: string, message: string, hint: string) {
    this.findings.push(this.#source.finding(offset, code, message, hint))
  }
}
