import type { LogLine } from './orchestrator.ts'

/** A line as `dyninka logs` shows it; what isn't ours (a crash of Node, a native library) becomes its message.
 *  @param time of such a line, ms since 1970 */
export function parseLine(text: string, node: string, host: string, time = Date.now()): LogLine {
  try {
    const line = JSON.parse(text) as LogLine
    if (typeof line === 'object' && line !== null && typeof line.msg === 'string')
      return { ...line, function: node, host }
  } catch {}
  return { function: node, host, time, level: 30, msg: text }
}

/** A line as part of the last words of a host. */
export const logText = ({ level, msg, error, stack }: LogLine) =>
  [level >= 50 ? 'error' : 'log', msg, error, stack].filter(Boolean).join(': ')
