import { setTimeout as sleep } from 'node:timers/promises'
import type { Retry } from '../schema/flow.ts'
import { Attempt, inspect, isAsync } from './attempt.ts'
import type { Context, Logger, RecordInfo } from './context.ts'
import type { Counters } from './counters.ts'
import { type Failure, HandlingError } from './dead-letter.ts'
import type { Emitted } from './outbox.ts'
import { backoffMs } from './parking.ts'
import type { StateChange } from './state.ts'
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

export interface Call {
  readonly value: unknown
  /** Stop a call that blocks the event loop, too: slow, so only where one has been seen. */
  readonly guarded: boolean
  /** Records without a key are in the handler side by side: none of them may own the state. */
  readonly shared: boolean
  /** It is a timer that is due. */
  readonly timer: boolean
  /** What `ctx.record` shows. */
  info(): RecordInfo
  /** State of the record's key. */
  read(): unknown
  /** Called once, after the call succeeded, when it has touched the state or the timer. */
  write(change: StateChange): void
}

/** `final`: another attempt would not help. */
export type Outcome = { outputs: Emitted[] } | { failure: Failure; final?: boolean }

export interface InvokerOptions {
  handlers: Handlers
  retry: Retry
  log: Logger
  env: Record<string, string | undefined>
  counters: Counters
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
  call(call: Call): Outcome | Promise<Outcome> {
    const attempt = new Attempt(this.#options, call)
    try {
      const result = attempt.run()
      if (!isAsync(result)) return { outputs: attempt.finish(result) }
      return this.#later(attempt, result, call)
    } catch (error) {
      attempt.close()
      return this.#retry(call, error, 1)
    }
  }

  async #later(attempt: Attempt, result: unknown, call: Call): Promise<Outcome> {
    try {
      return { outputs: await attempt.settle(result) }
    } catch (error) {
      return this.#retry(call, error, 1)
    }
  }

  async #retry(call: Call, firstError: unknown, firstAttempt: number): Promise<Outcome> {
    const { retry, counters, stopped, log } = this.#options
    let error = firstError
    for (let attempts = firstAttempt; ; attempts++) {
      if (isFinal(error) || attempts >= retry.attempts)
        return { failure: failureOf(error, attempts), final: isFinal(error) }
      counters.retries += 1
      log.debug('attempt failed', { attempt: attempts, record: call.info().id, error: String(error) })
      await sleep(backoffMs(retry, attempts), undefined, { signal: stopped })
      const attempt = new Attempt(this.#options, call)
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
