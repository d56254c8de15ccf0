import type { Condition as Written } from './dataflow.generated.ts'
import { durationMs } from './duration.ts'
import type { Condition, ConditionPart, Limit } from './flow.ts'

/** The condition of a checked file. @throws TypeError for what the schema refuses */
export function condition(written: Written): Condition {
  const { battery, label, value, link, rtt, time, timezone = 'UTC' } = written
  const parts: ConditionPart[] = []
  const texts: string[] = []
  if (battery !== undefined) {
    parts.push({ type: 'label', label: 'battery', ...limit(battery) })
    texts.push(`battery ${battery}`)
  }
  if (label !== undefined && value !== undefined) {
    parts.push({ type: 'label', label, ...limit(value) })
    texts.push(`${label} ${value}`)
  }
  if (link !== undefined && rtt !== undefined) {
    const [from = '', to = ''] = link.split('~')
    parts.push({ type: 'link', zones: [from, to], ...limit(rtt) })
    texts.push(`rtt of ${link} ${rtt}`)
  }
  if (time !== undefined) {
    parts.push({ type: 'time', timezone, ...minutes(time) })
    texts.push(`time ${time}${timezone === 'UTC' ? '' : ` (${timezone})`}`)
  }
  return { text: texts.join(' and '), parts }
}

/** `< 20%`, `>= 3` or `> 80ms`, durations in ms. */
function limit(text: string): Limit {
  const [, sign = '', rest = ''] = /^([<>]=?) ?(.*)$/.exec(text) ?? []
  const number = /[a-z]$/.test(rest) ? durationMs(rest) : Number(rest.replace('%', ''))
  if (sign === '' || Number.isNaN(number)) throw new TypeError(`${text} is not a comparison`)
  return { below: sign.startsWith('<'), limit: number, inclusive: sign.endsWith('=') }
}

/** Minutes of the day of `22:00-06:00`. */
function minutes(text: string): { from: number; to: number } {
  const [from = Number.NaN, to = Number.NaN] = text.split('-').map(time => {
    const [hours, minutes] = time.split(':').map(Number)
    return hours! * 60 + minutes!
  })
  return { from, to }
}
