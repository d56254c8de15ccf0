import type { TappedRecord } from '../controller/broker/tap.ts'
import { paint } from './paint.ts'

/** One line for a record that passes. */
export function recordText({ time, key, value, function: name, output }: TappedRecord): string {
  const at = paint('dim', new Date(time).toISOString().slice(11, 23))
  const place = paint('cyan', output === 'default' ? name : `${name}.${output}`)
  return [at, place, ...(key === null ? [] : [paint('yellow', key)]), JSON.stringify(value)].join(' ')
}
