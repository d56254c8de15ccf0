import { setTimeout as sleep } from 'node:timers/promises'
import type { Retry } from '../schema/flow.ts'
import { Attempt, type CallMode, inspect, isAsync } from './attempt.ts'
import type { Context, Logger } from './context.ts'
import type { Counters } from './counters.ts'
import { type Failure, HandlingError } from './dead-letter.ts'
import type { Emitted } from './emitted.ts'
import { type Entry, infoOf } from './entry.ts'
import { backoffMs } from './parking.ts'
import type { State } from './state.ts'
import { userStack } from './user-stack.ts'

/** What a user's file exports. */
export interface UserModule {
  default: (value: unknown, ctx: Context) => unknown
  setup?: (ctx: { log: Logger; env: Record<string, string | undefined>; signal: AbortSignal }) => unknown
  /** Called when a timer that was set by `ctx.timer` is due. */
  timer?: (ctx: Context) => unknown
  teardown?: () => unknown
}

/** What of it is called again and again. */
export type Handlers = Pick<UserModule, 'default' | 'timer'>

/** `final`: another attempt would not help. */
export type Outcome = { outputs: Emitted[] } | { failure: Failure; final?: boolean }

export interface InvokerOptions {
  handlers: Handlers
  retry: Retry
  log: Logger
  env: Record<string, string | undefined>
  counters: Counters
  state: State
  /** Aborted when the partition stops: no further attempt is made. */
  stopped: AbortSignal
}

/** Calls the user's function: attempts, backoff, timeout. Synchronous where the function is. */
export class Invoker {
  #options: InvokerOptions

  constructor(options: InvokerOptions) {
    this.#options = options
  }

  /** @throws only `Stopped`, when the partition stops between attempts */
  call(entry: Entry, mode: CallMode): Outcome | Promise<Outcome> {
    const attempt = new Attempt(this.#options, entry, mode)
    try {
      const result = attempt.run()
      if (!isAsync(result)) return { outputs: attempt.finish(result) }
      return this.#later(attempt, result, entry, mode)
    } catch (error) {
      attempt.close()
      return this.#retry(entry, mode, error)
    }
  }

  async #later(attempt: Attempt, result: unknown, entry: Entry, mode: CallMode): Promise<Outcome> {
    try {
      return { outputs: await attempt.settle(result) }
    } catch (error) {
      return this.#retry(entry, mode, error)
    }
  }

  async #retry(entry: Entry, mode: CallMode, firstError: unknown): Promise<Outcome> {
    const { retry, counters, stopped, log } = this.#options
    let error = firstError
    for (let attempts = 1; ; attempts++) {
      if (isFinal(error) || attempts >= retry.attempts)
        return { failure: failureOf(error, attempts), final: isFinal(error) }
      counters.retries += 1
      log.debug('attempt failed', { attempt: attempts, record: infoOf(entry).id, error: String(error) })
      await sleep(backoffMs(retry, attempts), undefined, { signal: stopped })
      const attempt = new Attempt(this.#options, entry, mode)
      try {
        return { outputs: await attempt.settle(attempt.run()) }
      } catch (next) {
        error = next
      }
    }
  }
}

/** By name, since the class that a function throws was bundled with it. */
const isFinal = (error: unknown) =>
  (error instanceof HandlingError && error.reason !== 'timeout') ||
  (error instanceof Error && error.name === 'NonRetryableError')

function failureOf(error: unknown, attempts: number): Failure {
  if (error instanceof HandlingError) return { reason: error.reason, message: error.message, attempts }
  if (error instanceof Error) {
    const { message, stack } = error
    return { reason: 'threw', message, ...(stack && { stack: userStack(stack) }), attempts }
  }
  return { reason: 'threw', message: `threw ${inspect(error)}, which is not an Error`, attempts }
}
