import vm from 'node:vm'
import type { Context, Logger, RecordInfo } from './context.ts'
import { HandlingError } from './dead-letter.ts'
import type { Call, InvokerOptions } from './invoke.ts'
import type { Emitted } from './outbox.ts'
import type { StateChange } from './state.ts'

const maxRecordSize = 1024 * 1024

/** One call of the handler, whose effects count only if it succeeds. */
export class Attempt {
  #options: InvokerOptions
  #call: Call
  #outputs: Emitted[] = []
  #open = true
  #abort: AbortController | undefined
  #touched = false
  #state: unknown
  #timer: StateChange['timer']
  #record: RecordInfo | undefined
  #start = performance.now()

  constructor(options: InvokerOptions, call: Call) {
    this.#options = options
    this.#call = call
    if (call.timer) this.#timer = { at: undefined }
  }

  run(): unknown {
    const { retry, log, env } = this.#options
    const ctx = new CallContext(this, log, env) as Context
    if (!this.#call.guarded || retry.timeoutMs === 0) return this.#invoke(ctx)
    return interruptible(() => this.#invoke(ctx), retry.timeoutMs)
  }

  #invoke(ctx: Context): unknown {
    const { handlers } = this.#options
    if (!this.#call.timer) return handlers.default(this.#call.value, ctx)
    if (!handlers.timer) throw new HandlingError('no-timer', noTimer)
    return handlers.timer(ctx)
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
      ).unref() // a call that never ends must not keep a stopped host alive
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
    if (this.#touched || this.#timer) {
      this.#call.write({
        ...(this.#touched && { state: { value: this.#state } }),
        ...(this.#timer && { timer: this.#timer }),
      })
    }
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
    const one = { output, value, json }
    if (this.#outputs.length > 0) this.#outputs.push(one)
    else this.#outputs = [one] // an empty list would make room for 17 at once
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

  setTimer(at: number | undefined) {
    this.#own('ctx.timer')
    if (!this.#options.handlers.timer) throw new HandlingError('no-timer', noTimer)
    if (at !== undefined && !Number.isFinite(at))
      throw new HandlingError('wrong-timer', `ctx.timer takes ms since the epoch, not ${inspect(at)}`)
    this.#timer = { at: at === undefined ? undefined : Math.ceil(at) }
  }

  #touchState() {
    this.#own('ctx.state')
    this.#touched = true
  }

  #own(what: string) {
    if (!this.#call.shared) return
    const hint = 'with a concurrency over 1 needs a key: add `key:` to the function'
    throw new HandlingError('state-needs-key', `${what} ${hint}`)
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

  timer(at: number | undefined) {
    this.#attempt.setTimer(at)
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

const noTimer = 'a timer needs a function to call: `export const timer = (ctx: Context) => …`'

const isAsyncIterable = (value: unknown): value is AsyncIterable<unknown> =>
  typeof value === 'object' && value !== null && Symbol.asyncIterator in value

export const isAsync = (value: unknown) =>
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

export function inspect(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return String(value)
  }
}
