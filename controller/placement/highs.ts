import { Worker } from 'node:worker_threads'
import type { HighsNews, HighsTask } from './highs-worker.ts'
import type { LinearProgram } from './linear-program.ts'

export interface HighsResult {
  status: 'optimal' | 'infeasible' | 'limit' | 'failed'
  /** A lower bound; minus infinite where there is none yet. */
  bound: number
  /** The best answer, if any. */
  values?: Float64Array
  /** Why it failed. */
  message?: string
}

export interface HighsProgress {
  onBound?(bound: number): void
  onAnswer?(values: Float64Array): void
}

/** HiGHS in a thread of its own, since nothing but the end of its thread interrupts it in time. To be closed. */
export class Highs {
  readonly #worker: Worker
  #task = 0
  #running: { id: number; result: HighsResult; progress: HighsProgress; done(result: HighsResult): void } | undefined
  #failure: string | undefined

  constructor() {
    const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
    this.#worker = new Worker(new URL(`./highs-worker.${extension}`, import.meta.url), {
      // A program of its own must not wait for it, nor take its flags.
      execArgv: process.execArgv.filter(flag => !flag.startsWith('--input-type')),
    })
    this.#worker.unref()
    this.#worker.on('message', (news: HighsNews) => this.#hear(news))
    this.#worker.on('error', error => this.#fail(String(error)))
    this.#worker.on('exit', () => this.#fail('its thread ended'))
  }

  /** One at a time. @throws never: a failure is a result */
  solve(
    program: LinearProgram,
    limits: { seconds: number; gap?: number; cutoff?: number },
    progress: HighsProgress = {},
  ): Promise<HighsResult> {
    const result: HighsResult = { status: 'failed', bound: Number.NEGATIVE_INFINITY }
    if (this.#failure !== undefined) return Promise.resolve({ ...result, message: this.#failure })
    const id = ++this.#task
    return new Promise(done => {
      this.#running = { id, result, progress, done }
      this.#worker.ref()
      this.#worker.postMessage({ id, program, gap: 1e-7, ...limits } satisfies HighsTask)
    })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #hear(news: HighsNews) {
    const running = this.#running
    if (running?.id !== news.id) return
    const { result, progress } = running
    if (news.type === 'bound' && news.bound > result.bound) {
      result.bound = news.bound
      progress.onBound?.(news.bound)
    } else if (news.type === 'answer') {
      result.values = news.values
      progress.onAnswer?.(news.values)
    } else if (news.type === 'end') {
      result.status = news.status
      result.bound = news.status === 'infeasible' ? Number.POSITIVE_INFINITY : Math.max(result.bound, news.bound)
      this.#end()
    } else if (news.type === 'failed') this.#fail(news.message)
  }

  #fail(message: string) {
    this.#failure = message
    if (this.#running) this.#running.result.message = message
    this.#end()
  }

  #end() {
    const running = this.#running
    this.#running = undefined
    this.#worker.unref()
    running?.done(running.result)
  }
}
