import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import { pause } from '../kubernetes/exchange.ts'
import type { Tenure } from '../tenure.ts'
import type { Lease } from './lease.ts'

export interface ElectionOptions {
  lease: Lease
  /** How long the Lease stands without a renewal. */
  durationMs: number
  /** Between two renewals, and between two looks of who waits. */
  everyMs: number
  log: Logger
  /** Does the work of the leader until the tenure ends, and returns once it has stopped. */
  lead(tenure: Tenure): Promise<void>
}

/** Leads whenever this process holds the Lease. Who could not renew it stops after two thirds of its duration: before
 *  anybody else may begin. */
export class Election {
  #options: ElectionOptions
  #stopping = new AbortController()
  #leading: { since: string } | undefined
  #lastAnswer = -Infinity
  #running: Promise<void> | undefined

  constructor(options: ElectionOptions) {
    this.#options = options
  }

  get isLeader(): boolean {
    return this.#leading !== undefined
  }

  /** The API answered lately: who waits is ready to take over. */
  get isWell(): boolean {
    return performance.now() - this.#lastAnswer < this.#options.durationMs
  }

  start(): void {
    this.#running ??= this.#run()
  }

  /** Stops leading, then gives the Lease up. */
  async close(): Promise<void> {
    this.#stopping.abort(new Problem('Stopping', 'the controller stops'))
    await this.#running
  }

  async #run(): Promise<void> {
    const { everyMs } = this.#options
    const { signal } = this.#stopping
    while (!signal.aborted) {
      const begun = performance.now()
      if (await this.#hold()) await this.#lead(begun)
      else await pause(everyMs * (0.8 + Math.random() * 0.4), signal).catch(() => {})
    }
  }

  /** @param heldMs when the request was sent that got the Lease */
  async #lead(heldMs: number): Promise<void> {
    const { lease, durationMs, everyMs, log, lead } = this.#options
    const term = new AbortController()
    const stop = () => term.abort(this.#stopping.signal.reason)
    this.#stopping.signal.addEventListener('abort', stop, { once: true })
    const standsMs = (durationMs * 2) / 3
    const lost = () =>
      term.abort(new Problem('LeaseLost', `${lease.identity} does not hold the Lease any more`))
    let until = heldMs + standsMs
    let timer = setTimeout(lost, until - performance.now())
    const check = () => {
      if (performance.now() >= until) lost()
      term.signal.throwIfAborted()
    }
    this.#leading = { since: new Date().toISOString() }
    log.info({ identity: lease.identity }, 'leading')
    const work = lead({ signal: term.signal, check }).catch(err => {
      log.error({ err }, 'the work of the leader failed')
      lost()
    })
    while (!term.signal.aborted) {
      await pause(everyMs, term.signal).catch(() => {})
      if (term.signal.aborted) break
      const begun = performance.now()
      const isHeld = await this.#hold(term.signal)
      if (isHeld) {
        clearTimeout(timer)
        until = begun + standsMs
        timer = setTimeout(lost, until - performance.now())
      } else if (isHeld === false) lost() // somebody else has it
    }
    clearTimeout(timer)
    this.#stopping.signal.removeEventListener('abort', stop)
    await work
    this.#leading = undefined
    log.info({ identity: lease.identity, reason: (term.signal.reason as Error).message }, 'leading no more')
    await lease
      .release(AbortSignal.timeout(everyMs))
      .catch(err => log.warn({ err }, 'the Lease could not be released'))
  }

  /** @returns undefined when the API didn't answer */
  async #hold(signal = this.#stopping.signal): Promise<boolean | undefined> {
    const { lease, everyMs, log } = this.#options
    try {
      const held = await lease.hold(AbortSignal.any([signal, AbortSignal.timeout(2 * everyMs)]))
      this.#lastAnswer = performance.now()
      return held
    } catch (err) {
      if (!signal.aborted) log.warn({ err }, 'the Lease could not be read or renewed')
      return undefined
    }
  }
}
