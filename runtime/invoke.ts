import { setTimeout as sleep } from 'node:timers/promises'
import vm from 'node:vm'
import type { Retry } from '../schema/flow.ts'
import type { Context, Logger, RecordInfo } from './context.ts'
import type { Counters } from './counters.ts'
import { type Failure, HandlingError } from './dead-letter.ts'
import type { Emitted } from './outbox.ts'

/** What a user's file exports. */
export interface UserModule {
  default: (value: unknown, ctx: Context) => unknown
  setup?: (ctx: { log: Logger; env: Record<string, string | undefined>; signal: AbortSignal }) => unknown
  teardown?: () => unknown
}

export interface Call {
  readonly value: unknown
  /** Stop a call that blocks the event loop, too: slow, so only where one has been seen. */
  readonly guarded: boolean
  /** Records without a key are in the handler side by side: none of them may own the state. */
  readonly shared: boolean
  /** What `ctx.record` shows. */
  info(): RecordInfo
  /** State of the record's key. */
  read(): unknown
  /** Called once, after the call succeeded, when it has touched the state. */
  write(state: unknown): void
}

export type Outcome = { outputs: Emitted[] } | { failure: Failure }

export interface InvokerOptions {
  handler: UserModule['default']
  retry: Retry
  log: Logger
  env: Record<string, string | undefined>
  counters: Counters
  /** Aborted when the partition stops: no further attempt is made. */
  stopped: AbortSignal
}

const maxBackoffMs = 30_000
const maxRecordSize = 1024 * 1024

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
      if (isFinal(error) || attempts >= retry.attempts) return { failure: failureOf(error, attempts) }
      counters.retries += 1
      log.debug('attempt failed', { attempt: attempts, record: call.info().id, error: String(error) })
      const backoff = Math.min(maxBackoffMs, retry.backoffMs * 2 ** (attempts - 1))
      await sleep(backoff * (0.75 + Math.random() / 2), undefined, { signal: stopped })
      const attempt = new Attempt(this.#options, call)
      try {
        return { outputs: await attempt.settle(attempt.run()) }
      } catch (next) {
        error = next
      }
    }
  }
}

/** One call of the handler, whose effects count only if it succeeds. */
class Attempt {
  #options: InvokerOptions
  #call: Call
  #outputs: Emitted[] = []
  #open = true
  #abort: AbortController | undefined
  #touched = false
  #state: unknown
  #record: RecordInfo | undefined
  #start = performance.now()

  constructor(options: InvokerOptions, call: Call) {
    this.#options = options
    this.#call = call
  }

  run(): unknown {
    const { handler, retry, log, env } = this.#options
    const ctx = new CallContext(this, log, env) as Context
    if (!this.#call.guarded || retry.timeoutMs === 0) return handler(this.#call.value, ctx)
    return interruptible(() => handler(this.#call.value, ctx), retry.timeoutMs)
  }

  /** Ends a synchronous call. @returns its outputs, the default output's last */
  finish(result: unknown): Emitted[] {
    this.#collect(result)
    return this.#succeed()
  }

  /** Waits for what an asynchronous call gives, at most `retry.timeout`. */
  async settle(result: unknown): Promise<Emitted[]> {
    const { timeoutMs } = this.#options.retry
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      if (timeoutMs === 0) return
      timer = setTimeout(
        () => reject(new HandlingError('timeout', `no result within ${timeoutMs} ms`)),
        timeoutMs,
      )
    })
    try {
      await Promise.race([this.#gather(result), timeout])
      return this.#succeed()
    } catch (error) {
      this.close()
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  /** Nothing that the handler still does has an effect. */
  close() {
    if (!this.#open) return
    this.#open = false
    this.#abort?.abort(new Error('the call is over'))
    this.#options.counters.calls += 1
    this.#options.counters.handlerMs += performance.now() - this.#start
  }

  #succeed(): Emitted[] {
    if (this.#touched) this.#call.write(this.#state)
    this.close()
    return this.#outputs
  }

  async #gather(result: unknown) {
    const value = await result
    if (isAsyncIterable(value)) {
      for await (const item of value) this.push('default', item)
    } else this.#collect(value)
  }

  #collect(value: unknown) {
    if (value === undefined) return
    if (Array.isArray(value) || isGenerator(value)) for (const item of value) this.push('default', item)
    else this.push('default', value)
  }

  push(output: string, value: unknown) {
    if (!this.#open) return
    if (value === undefined) return
    const json = JSON.stringify(value)
    if (json === undefined)
      throw new HandlingError('not-json', `output "${output}" is a ${typeof value}, which JSON can't carry`)
    if (json.length > maxRecordSize) {
      throw new HandlingError(
        'too-large',
        `output "${output}" has ${json.length} characters, over the limit of ${maxRecordSize}`,
      )
    }
    this.#outputs.push({ output, value, json })
  }

  get record(): RecordInfo {
    this.#record ??= this.#call.info()
    return this.#record
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return AbortSignal.any([this.#abort.signal, this.#options.stopped])
  }

  get state(): unknown {
    if (!this.#touched) {
      this.#touchState()
      this.#state = this.#call.read()
    }
    return this.#state
  }

  set state(value: unknown) {
    this.#touchState()
    this.#state = value
  }

  #touchState() {
    if (this.#call.shared) {
      throw new HandlingError(
        'state-needs-key',
        'ctx.state with a concurrency over 1 needs a key: add `key:` to the function',
      )
    }
    this.#touched = true
  }
}

/** What the handler sees of an attempt; parts that few functions read are made when one does. */
class CallContext {
  readonly log: Logger
  readonly env: Record<string, string | undefined>
  #attempt: Attempt
  #emit: Context['emit'] | undefined

  constructor(attempt: Attempt, log: Logger, env: Record<string, string | undefined>) {
    this.log = log
    this.env = env
    this.#attempt = attempt
  }

  get record() {
    return this.#attempt.record
  }

  /** Bound, so that a function may take it out of its context. */
  get emit(): Context['emit'] {
    this.#emit ??= (output, value) => this.#attempt.push(output, value)
    return this.#emit
  }

  get state() {
    return this.#attempt.state
  }

  set state(value: unknown) {
    this.#attempt.state = value
  }

  get signal() {
    return this.#attempt.signal
  }
}

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

const isAsync = (value: unknown) =>
  typeof value === 'object' &&
  value !== null &&
  (typeof (value as { then?: unknown }).then === 'function' || isAsyncIterable(value))

const isGenerator = (value: unknown): value is Iterable<unknown> =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Iterator<unknown>).next === 'function' &&
  Symbol.iterator in value

/** Runs `invoke` under V8's own watchdog, which can stop a loop that never yields. */
function interruptible<T>(invoke: () => T, timeoutMs: number): T {
  const slot = `dyninka:${process.pid}`
  const global = globalThis as Record<string, unknown>
  global[slot] = invoke
  try {
    return new vm.Script(`globalThis[${JSON.stringify(slot)}]()`).runInThisContext({ timeout: timeoutMs })
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
    throw new HandlingError('timeout', `blocked the event loop for more than ${timeoutMs} ms`)
  } finally {
    delete global[slot]
  }
}

/** By name, since the class that a function throws was bundled with it. */
const isFinal = (error: unknown) =>
  (error instanceof HandlingError && error.reason !== 'timeout') ||
  (error instanceof Error && error.name === 'NonRetryableError')

function failureOf(error: unknown, attempts: number): Failure {
  if (error instanceof HandlingError) return { reason: error.reason, message: error.message, attempts }
  if (error instanceof Error) {
    return { reason: 'threw', message: error.message, ...(error.stack && { stack: error.stack }), attempts }
  }
  return { reason: 'threw', message: `threw ${inspect(error)}, which is not an Error`, attempts }
}

function inspect(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
