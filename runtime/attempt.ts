import vm from 'node:vm'
import type { Context, RecordInfo } from './context.ts'
import { HandlingError } from './dead-letter.ts'
import { type Emitted, emittedOf, givenOf } from './emitted.ts'
import { changeState, type Entry, infoOf } from './entry.ts'
import type { InvokerOptions } from './invoke.ts'
import type { Parked } from './parking.ts'
import type { StateChange } from './state.ts'

/** How a record is given to the handler. */
export interface CallMode {
  /** Records without a key are in the handler side by side: none of them may own the state. */
  shared: boolean
  /** Stop a call that blocks the event loop, too: slow, so only where one has been seen. */
  guarded: boolean
  /** Instead of the record: one that waited. */
  parked?: Parked
}

/** One call of the handler, whose effects count only if it succeeds. */
export class Attempt {
  readonly options: InvokerOptions
  #entry: Entry
  #mode: CallMode
  #start: number
  #open = true
  /** Made for the first one: most calls have one or none. */
  #outputs: Emitted[] | undefined
  #abort: AbortController | undefined
  #touched = false
  #state: unknown
  #timer: StateChange['timer']
  #record: RecordInfo | undefined

  constructor(options: InvokerOptions, entry: Entry, mode: CallMode) {
    this.options = options
    this.#entry = entry
    this.#mode = mode
    this.#start = options.counters.turnMs || performance.now()
    if (entry.inflight.timers) this.#timer = { at: undefined }
  }

  run(): unknown {
    const { timeoutMs } = this.options.retry
    if (!this.#mode.guarded || timeoutMs === 0) return this.#invoke()
    return interruptible(() => this.#invoke(), timeoutMs)
  }

  #invoke(): unknown {
    const { handlers } = this.options
    const ctx = new CallContext(this) as Context
    if (!this.#entry.inflight.timers) {
      const { parked } = this.#mode
      return handlers.default(parked ? parked.value : this.#entry.record.value, ctx)
    }
    if (!handlers.timer) throw new HandlingError('no-timer', noTimer)
    return handlers.timer(ctx)
  }

  /** Ends a synchronous call. @returns its outputs, the default output's last */
  finish(result: unknown): Emitted[] {
    this.#collect(result, givenOf)
    return this.#succeed()
  }

  /** Waits for what an asynchronous call gives, at most `retry.timeout`. */
  async settle(result: unknown): Promise<Emitted[]> {
    const { counters, retry } = this.options
    const { timeoutMs } = retry
    counters.gaveWay()
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
    this.options.counters.ended(this.#start)
  }

  #succeed(): Emitted[] {
    if (this.#touched || this.#timer) {
      changeState(this.options.state, this.#entry, {
        ...(this.#touched && { state: { value: this.#state } }),
        ...(this.#timer && { timer: this.#timer }),
      })
    }
    this.close()
    return this.#outputs ?? nothing
  }

  async #gather(result: unknown) {
    const value = await result
    if (isAsyncIterable(value)) {
      for await (const item of value) this.emit('default', item)
    } else this.#collect(value, emittedOf)
  }

  /** @param make `givenOf` where nothing of the function runs any more before what it gives is sent */
  #collect(value: unknown, make: typeof emittedOf) {
    if (Array.isArray(value)) for (const item of value) this.#push('default', item, make)
    else if (isGenerator(value)) for (const item of value) this.emit('default', item)
    else this.#push('default', value, make)
  }

  emit(output: string, value: unknown) {
    if (this.#open) this.#push(output, value, emittedOf)
  }

  #push(output: string, value: unknown, make: typeof emittedOf) {
    if (value === undefined || !this.#open) return
    const emitted = make(output, value)
    if (this.#outputs) this.#outputs.push(emitted)
    else this.#outputs = [emitted]
  }

  get record(): RecordInfo {
    this.#record ??= this.#mode.parked?.info ?? infoOf(this.#entry)
    return this.#record
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController()
    return AbortSignal.any([this.#abort.signal, this.options.stopped])
  }

  get state(): unknown {
    if (!this.#touched) {
      this.#touchState()
      this.#state = this.options.state.read(this.#entry.record.key ?? '')
    }
    return this.#state
  }

  set state(value: unknown) {
    this.#touchState()
    this.#state = value
  }

  setTimer(at: number | undefined) {
    this.#own('ctx.timer')
    if (!this.options.handlers.timer) throw new HandlingError('no-timer', noTimer)
    if (at !== undefined && !Number.isFinite(at))
      throw new HandlingError('wrong-timer', `ctx.timer takes ms since the epoch, not ${inspect(at)}`)
    this.#timer = { at: at === undefined ? undefined : Math.ceil(at) }
  }

  #touchState() {
    this.#own('ctx.state')
    this.#touched = true
  }

  #own(what: string) {
    if (!this.#mode.shared) return
    const hint = 'with a concurrency over 1 needs a key: add `key:` to the function'
    throw new HandlingError('state-needs-key', `${what} ${hint}`)
  }
}

const nothing: Emitted[] = []

/** What the handler sees of an attempt; parts that few functions read are made when one does. */
class CallContext {
  #attempt: Attempt
  #emit: Context['emit'] | undefined

  constructor(attempt: Attempt) {
    this.#attempt = attempt
  }

  get log() {
    return this.#attempt.options.log
  }

  get env() {
    return this.#attempt.options.env
  }

  get record() {
    return this.#attempt.record
  }

  /** Bound, so that a function may take it out of its context. */
  get emit(): Context['emit'] {
    this.#emit ??= (output, value) => this.#attempt.emit(output, value)
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
