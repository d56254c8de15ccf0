import { COLLECTION_STYLE, EVENT_ID, type Event, getScalarValue, SCALAR_STYLE } from 'js-yaml'

/** A YAML node with all of its text: what an edit replaces. Offsets; `end` is the first one after it. */
export type Tree = Scalar | Mapping | Opaque

export interface Scalar {
  type: 'scalar'
  start: number
  end: number
  quote: '' | "'" | '"'
  /** `|` or `>`: whatever follows its lines may be part of it. */
  isBlock: boolean
  /** Nothing is written there. */
  isEmpty: boolean
}

export interface Mapping {
  type: 'mapping'
  start: number
  end: number
  isFlow: boolean
  entries: Entry[]
}

export interface Entry {
  name: string
  key: Tree
  value: Tree
}

/** A list or an alias: nothing that an edit looks into. */
interface Opaque {
  type: 'list' | 'alias'
  start: number
  end: number
  /** Its last line is part of a `|` or `>`. */
  endsInBlock: boolean
}

/** The first document. @param events of `text` @returns undefined where there is none */
export function treeOf(text: string, events: Event[]): Tree | undefined {
  let next = 0
  let end = 0

  function read(): Tree {
    const event = events[next++]!
    switch (event.type) {
      case EVENT_ID.MAPPING: {
        const isFlow = event.style === COLLECTION_STYLE.FLOW
        const mapping: Mapping = { type: 'mapping', start: event.start, end, isFlow, entries: [] }
        end = Math.max(end, isFlow ? event.start + 1 : event.start)
        while (events[next]!.type !== EVENT_ID.POP) mapping.entries.push(entry(isFlow))
        next++
        if (isFlow) end = closing(text, end)
        mapping.end = end
        return mapping
      }
      case EVENT_ID.SEQUENCE: {
        const isFlow = event.style === COLLECTION_STYLE.FLOW
        end = Math.max(end, event.start + 1)
        let last: Tree | undefined
        while (events[next]!.type !== EVENT_ID.POP) last = read()
        next++
        if (isFlow) end = closing(text, end)
        const endsInBlock = !isFlow && last !== undefined && isOpenEnded(last)
        return { type: 'list', start: event.start, end, endsInBlock }
      }
      case EVENT_ID.ALIAS:
        end = event.anchorEnd
        return { type: 'alias', start: event.anchorStart - 1, end, endsInBlock: false }
      case EVENT_ID.SCALAR: {
        const { style, valueStart, valueEnd } = event
        const quote =
          style === SCALAR_STYLE.SINGLE_QUOTED ? "'" : style === SCALAR_STYLE.DOUBLE_QUOTED ? '"' : ''
        const isBlock = style === SCALAR_STYLE.LITERAL_BLOCK || style === SCALAR_STYLE.FOLDED_BLOCK
        const isEmpty = valueStart < 0
        const start = isEmpty ? Math.max(end, event.anchorEnd, event.tagEnd) : valueStart - quote.length
        end = isEmpty ? start : valueEnd + quote.length
        return { type: 'scalar', start, end, quote, isBlock, isEmpty }
      }
      default:
        throw new TypeError('a document has no node here')
    }
  }

  function entry(isFlow: boolean): Entry {
    const event = events[next]!
    const name = event.type === EVENT_ID.SCALAR ? getScalarValue(text, event) : ''
    const key = read()
    // What is empty stands right after its colon; in { } a key may have none.
    const colon = /^\s*:/.exec(text.slice(end))
    if (colon && (isFlow || !colon[0].includes('\n'))) end += colon[0].length
    return { name, key, value: read() }
  }

  while (events[next]?.type === EVENT_ID.DOCUMENT) next++
  return next < events.length && events[next]!.type !== EVENT_ID.POP ? read() : undefined
}

/** Whether a line after it may be taken for more of it. */
export function isOpenEnded(tree: Tree): boolean {
  if (tree.type === 'scalar') return tree.isBlock
  if (tree.type !== 'mapping') return tree.endsInBlock
  const last = tree.entries.at(-1)
  return !tree.isFlow && last !== undefined && isOpenEnded(last.value)
}

/** The offset after the bracket that ends a collection, from the end of the last thing in it. */
function closing(text: string, from: number): number {
  const rest = /^(?:[\s,]|(?<=[\s,])#[^\n]*)*[}\]]/.exec(text.slice(from))
  return from + (rest?.[0].length ?? 0)
}
