import pino, { type DestinationStream, type Logger as Pino } from 'pino'
import type { Logger } from './context.ts'

/** NDJSON with constant messages, one line an event. @param bound fields of every line */
export const logger = (bound: object, destination?: DestinationStream): Logger =>
  wrap(pino({ base: bound, level }, destination ?? stdout()))

const maxWaiting = 256 * 1024

/** What can't be written now waits, up to a bound, and then is lost. Were the error thrown, who notes what is thrown would
 *  write it to the same full disk, again and again, and fill what room comes back. */
function stdout(): DestinationStream {
  const stream = pino.destination({ fd: 1, sync: true, maxLength: maxWaiting })
  stream.on('error', () => {})
  return stream
}

const level = process.env.DYNINKA_LOG_LEVEL ?? 'info'

/** Message first, as `console` has it. */
function wrap(log: Pino): Logger {
  return {
    debug: (message, fields = {}) => log.debug(fields, message),
    info: (message, fields = {}) => log.info(fields, message),
    warn: (message, fields = {}) => log.warn(fields, message),
    error: (message, fields = {}) => log.error(fields, message),
  }
}

export const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} }
