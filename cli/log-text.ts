import { paint } from './paint.ts'

export interface LogLine {
  function?: string
  host?: string
  time: number
  level: number
  msg: string
  [field: string]: unknown
}

/** One line of a log as people read it; stacks follow on lines of their own. */
export function logText({
  function: name,
  host: _host,
  time,
  level,
  msg,
  pid: _pid,
  hostname: _name,
  ...fields
}: LogLine): string {
  // What a `log` sink was given.
  if (msg === 'record' && 'value' in fields) {
    msg = JSON.stringify(fields.value)
    delete fields.value
    delete fields.record
  }
  const [word, colour] = levels.find(([, , from]) => level >= from) ?? levels.at(-1)!
  const stacks = Object.entries(fields).flatMap(([field, value]) => {
    const stack = (value as { stack?: unknown } | null)?.stack ?? (field === 'stack' ? value : undefined)
    if (typeof stack !== 'string') return []
    delete fields[field]
    return stack
      .split('\n')
      .filter(isOfUser)
      .map(line => `\n    ${paint('dim', line)}`)
  })
  const rest = Object.keys(fields).length > 0 ? ` ${paint('dim', JSON.stringify(fields))}` : ''
  const at = paint('dim', new Date(time).toISOString().slice(11, 23))
  return `${at} ${paint(colour, word)} ${name ? `${paint('cyan', name)} ` : ''}${msg}${rest}${stacks.join('')}`
}

/** What a host said before it ended: each line once, without frames of Dyninka's own. */
export const troubleText = (message: string) =>
  [...new Set(message.split('\n'))].filter(isOfUser).join('\n    ')

/** Frames of Dyninka itself say nothing to who wrote the function. */
function isOfUser(line: string) {
  return !/^\s*at .*\bdyninka:/.test(line)
}

const levels = [
  ['fatal', 'red', 60],
  ['error', 'red', 50],
  ['warn ', 'yellow', 40],
  ['info ', 'green', 30],
  ['debug', 'dim', 0],
] as const
