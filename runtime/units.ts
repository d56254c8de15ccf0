import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { Unit } from './unit.ts'

export type RunningUnit = Unit & {
  rewire?(wiring: Wiring): Promise<void>
  elapse?(ms: number): void
  readonly idle?: boolean
}

interface UnitsOptions {
  /** The host knows what is wired, and who else is there. */
  mayStart(partition: string): boolean
  create(partition: string): RunningUnit
  log: Logger
  onChange(): void
}

const minWaitMs = 500
const maxWaitMs = 30_000

/** The partitions that a host runs, by their names. One that lost its session is not taken back before membership has changed, or,
 *  should nobody else turn out to own it, after a while that grows. */
export class Units {
  #options: UnitsOptions
  #wanted: string[] = []
  #running = new Map<string, RunningUnit>()
  #leaving = new Map<string, Promise<void>>()
  #waiting = new Map<string, { ms: number; timer?: NodeJS.Timeout }>()
  /** When each that runs came to do so, by the clock of `performance.now()`. */
  #since = new Map<string, number>()
  #errors = new Map<string, string>()

  constructor(options: UnitsOptions) {
    this.#options = options
  }

  /** Partitions that run, or start. */
  get size(): number {
    return this.#running.size
  }

  /** Partitions that run and take records in. */
  get partitions(): string[] {
    return [...this.#running].filter(([, unit]) => unit.revision > 0).map(([partition]) => partition)
  }

  /** Partitions that are wanted no more, and finish what is under way. */
  get leaving(): string[] {
    return [...this.#leaving.keys()]
  }

  /** The oldest wiring that is in effect; 0 unless all that is wanted runs. */
  get revision(): number {
    const units = this.#wanted.map(partition => this.#running.get(partition)?.revision ?? 0)
    return units.length === 0 ? 0 : Math.min(...units)
  }

  get backlog(): Record<string, number> {
    const total: Record<string, number> = {}
    for (const { backlog } of this.#running.values()) {
      for (const [consumer, records] of Object.entries(backlog))
        total[consumer] = (total[consumer] ?? 0) + records
    }
    return total
  }

  /** Of state in the broker, about. */
  get storedBytes(): number {
    return [...this.#running.values()].reduce((sum, { storedBytes }) => sum + storedBytes, 0)
  }

  /** Why something makes no progress. */
  get trouble(): string | undefined {
    const [error] = this.#errors.values()
    if (error !== undefined) return error
    const { waitingFor } = this
    return waitingFor.length === 0 ? undefined : `waits for ${waitingFor.join(', ')}`
  }

  /** Consumers, and what else they wait for. */
  get waitingFor(): string[] {
    return [...new Set([...this.#running.values()].flatMap(unit => unit.waitingFor))]
  }

  /** In effect in any of them. */
  get streams() {
    return [...this.#running.values()].flatMap(unit => unit.streams)
  }

  credit(consumer: string, partition: string) {
    for (const unit of this.#running.values()) unit.credit(consumer, partition)
  }

  get idle() {
    return [...this.#running.values()].every(unit => unit.idle ?? true)
  }

  elapse(ms: number) {
    for (const unit of this.#running.values()) unit.elapse?.(ms)
  }

  rewire(wiring: Wiring) {
    for (const [partition, unit] of this.#running) {
      unit.rewire?.(wiring).catch((error: Error) => this.#failed(partition, unit, error))
    }
  }

  /** Starts what is wanted and does not run, and lets go of the rest. */
  run(wanted: string[], drainMs: number) {
    this.#wanted = wanted
    for (const [partition, unit] of this.#running)
      if (!wanted.includes(partition)) this.#release(partition, unit, drainMs)
    for (const partition of wanted) this.#start(partition)
    this.#options.onChange()
  }

  /** Membership has changed, or the broker is back: whoever waits may try at once. */
  reset() {
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
    this.#waiting.clear()
  }

  /** A unit has lost its connection. */
  closed(partition: string, unit: RunningUnit, error: Error | undefined) {
    if (this.#running.get(partition) !== unit) return // another one has taken its place, or it was let go
    this.#running.delete(partition)
    if (error) this.#options.log.info('session lost', { partition, error: error.message })
    this.#forgive(partition)
    this.#again(partition)
  }

  /** What ran stays known: what it sent, and nobody has finished yet, is still to be told. */
  async drain(timeoutMs: number): Promise<void> {
    this.reset()
    this.#wanted = []
    await Promise.all([
      ...[...this.#running.values()].map(unit => unit.drain(timeoutMs)),
      ...this.#leaving.values(),
    ])
  }

  #start(partition: string) {
    if (this.#running.has(partition) || this.#leaving.has(partition) || this.#waiting.get(partition)?.timer)
      return
    if (!this.#options.mayStart(partition)) return
    const unit = this.#options.create(partition)
    this.#running.set(partition, unit)
    unit.start().then(
      () => {
        this.#errors.delete(partition)
        this.#since.set(partition, performance.now())
        this.#options.onChange()
      },
      (error: Error) => this.#failed(partition, unit, error),
    )
  }

  #failed(partition: string, unit: RunningUnit, error: Error) {
    if (this.#running.get(partition) !== unit) return
    this.#running.delete(partition)
    if (this.#errors.get(partition) !== error.message) {
      this.#options.log.error('partition cannot run', { partition, error: error.message })
    }
    this.#errors.set(partition, error.message)
    void unit.drain(0)
    this.#again(partition)
  }

  /** Two hosts that take a session from each other, again and again, hold it no longer than the other one waits:
   *  one that held it longer has lost it for a reason of its own, and waits no longer than the first time. */
  #forgive(partition: string) {
    const since = this.#since.get(partition)
    this.#since.delete(partition)
    const waitedMs = this.#waiting.get(partition)?.ms ?? 0
    if (since !== undefined && performance.now() - since > 2 * waitedMs) this.#waiting.delete(partition)
  }

  #again(partition: string) {
    this.#options.onChange()
    const ms = Math.min(maxWaitMs, (this.#waiting.get(partition)?.ms ?? minWaitMs / 2) * 2)
    const timer = setTimeout(() => {
      this.#waiting.set(partition, { ms })
      // Else it is called for once that is known: what was wanted before may be of a wiring that is past.
      if (this.#wanted.includes(partition)) this.#start(partition)
    }, ms)
    this.#waiting.set(partition, { ms, timer })
  }

  #release(partition: string, unit: RunningUnit, drainMs: number) {
    this.#running.delete(partition)
    const leaving = unit
      .drain(drainMs)
      .catch(() => {})
      .finally(() => {
        this.#leaving.delete(partition)
        if (this.#wanted.includes(partition)) this.#start(partition)
        this.#options.onChange()
      })
    this.#leaving.set(partition, leaving)
  }
}
