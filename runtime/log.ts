import pino, { type DestinationStream, type Logger as Pino } from 'pino'
import type { Logger } from './context.ts'

/** NDJSON with constant messages, one line an event. @param bound fields of every line */
export const logger = (bound: object, destination?: DestinationStream): Logger =>
  wrap(destination ? pino({ base: bound, level }, destination) : pino({ base: bound, level }))

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
