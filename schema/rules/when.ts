import { condition } from '../condition.ts'
import type { Condition as Written } from '../dataflow.generated.ts'
import type { Draft, Entry } from '../draft.ts'
import type { Finding } from '../finding.ts'
import type { Condition } from '../flow.ts'
import { didYouMean } from '../suggest.ts'
import { below } from '../yaml-document.ts'
import { covers, isEmpty, overlap, type Spans, spansOf } from './spans.ts'

/** Conditions that say nothing, and those of which it is not clear which one counts. */
export function when(draft: Draft): Finding[] {
  return [...draft.entries.values()].flatMap(entry => {
    const conditions = conditionsOf(entry)
    return [
      ...conditions.flatMap(each => [...meaning(draft, each)]),
      ...conditions.flatMap((each, index) => [...clashes(draft, each, conditions.slice(0, index))]),
    ]
  })
}

interface Read extends Condition {
  /** Of the condition. */
  pointer: string
  spans: Spans
  /** Where it leads to. */
  place: string
  written: Written
}

function conditionsOf({ placement, pointer }: Entry): Read[] {
  return (placement?.when ?? []).flatMap((alternative, index) => {
    const written = alternative?.if
    if (!written || Object.values(written).some(value => value === undefined)) return [] // told already
    const { text, parts } = condition(written as Written)
    if (parts.length === 0) return []
    const place = alternative.zone === undefined ? `node ${alternative.node}` : `zone ${alternative.zone}`
    const own = below(pointer, 'placement', 'when', index, 'if')
    return [{ text, parts, spans: spansOf(parts), place, pointer: own, written: written as Written }]
  })
}

function* meaning(draft: Draft, { parts, pointer, spans, written, text }: Read): Iterable<Finding> {
  for (const part of parts) {
    if (part.type === 'time' && !isTimezone(part.timezone)) {
      const zones = Intl.supportedValuesOf('timeZone')
      const hint = didYouMean(part.timezone, zones, 'Write one of the IANA, as Europe/Paris, or UTC.')
      const message = `There is no time zone \`${part.timezone}\`.`
      yield draft.at(below(pointer, 'timezone'), 'unknown-timezone', message, hint)
    }
    if (part.type === 'link' && part.zones[0] === part.zones[1]) {
      const message = `\`${written.link}\` leads from a zone to itself.`
      yield draft.at(below(pointer, 'link'), 'link-to-itself', message, 'Name two zones.')
    }
  }
  for (const [name, values] of spans) {
    const key = name.startsWith('time') ? 'time' : name.startsWith('link') ? 'rtt' : keyOf(name, written)
    if (isEmpty(values)) {
      const hint = key === 'time' ? 'Let it end at another time than it begins.' : 'Write another number.'
      yield draft.at(below(pointer, key), 'when-never', `\`${text}\` never holds.`, hint)
    } else if (name === 'label battery' && spans.size === 1 && covers(spans, everyBattery)) {
      const message = `\`${text}\` always holds, so that \`zone\` and \`node\` never count.`
      yield draft.at(below(pointer, key), 'when-always', message, 'Write another number.')
    }
  }
}

const keyOf = (name: string, { label }: Written) => (name === `label ${label}` ? 'value' : 'battery')

const everyBattery = spansOf([{ type: 'label', label: 'battery', below: false, limit: 0, inclusive: true }])

/** The first that holds counts: what comes after it must have a case of its own, and be told apart from it. */
function* clashes(draft: Draft, { text, pointer, spans, place }: Read, before: Read[]): Iterable<Finding> {
  for (const earlier of before) {
    const line = draft.line(earlier.pointer)
    if (covers(earlier.spans, spans)) {
      const message = `\`${text}\` never counts: whenever it holds, \`${earlier.text}\` (line ${line}) does, and comes first.`
      yield draft.at(pointer, 'when-shadowed', message, 'Put this one before it, or leave it out.')
      return
    }
    const isSame = spans.size === earlier.spans.size && [...spans.keys()].every(key => earlier.spans.has(key))
    const isNested = covers(spans, earlier.spans)
    if (isSame && !isNested && place !== earlier.place && overlap(spans, earlier.spans)) {
      const message = `\`${text}\` leads to ${place}, and \`${earlier.text}\` (line ${line}) to ${earlier.place}, and both can hold at once.`
      yield draft.at(pointer, 'when-overlap', message, 'Let one begin where the other ends.')
      return
    }
  }
}

function isTimezone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
