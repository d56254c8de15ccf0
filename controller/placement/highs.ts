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
  #worker: Worker | undefined
  /** The newest task, or what has stopped it. */
  #task = 0
  #running:
    | { id: number; result: HighsResult; progress: HighsProgress; done(result: HighsResult): void }
    | undefined

  /** One at a time: what runs is stopped. @throws never: a failure is a result */
  async solve(
    program: LinearProgram,
    limits: { seconds: number; gap?: number; known?: number },
    progress: HighsProgress = {},
  ): Promise<HighsResult> {
    const stopped = this.stop()
    const id = this.#task
    await stopped
    // Another one came meanwhile, or this was stopped before it began.
    if (id !== this.#task) return { status: 'limit', bound: Number.NEGATIVE_INFINITY }
    this.#worker ??= this.#start()
    const worker = this.#worker
    return new Promise(done => {
      this.#running = { id, result: { status: 'failed', bound: Number.NEGATIVE_INFINITY }, progress, done }
      worker.ref()
      worker.postMessage({ id, program, gap: 1e-7, ...limits } satisfies HighsTask)
    })
  }

  /** Stops what runs; its result is what it has so far. */
  async stop(): Promise<void> {
    this.#task += 1
    const running = this.#running
    if (!running) return
    running.result.status = 'limit'
    this.#end()
    await this.close()
  }

  async close(): Promise<void> {
    this.#task += 1
    if (this.#running) this.#end()
    const worker = this.#worker
    this.#worker = undefined
    await worker?.terminate()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #start(): Worker {
    const extension = import.meta.filename.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./highs-worker.${extension}`, import.meta.url))
    worker.unref()
    worker.on('message', (news: HighsNews) => this.#hear(news))
    worker.on('error', error => this.#fail(worker, String(error)))
    worker.on('exit', () => this.#fail(worker, 'its thread ended'))
    return worker
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
      result.bound =
        news.status === 'infeasible' ? Number.POSITIVE_INFINITY : Math.max(result.bound, news.bound)
      this.#end()
    } else if (news.type === 'failed') {
      result.message = news.message
      this.#end()
    }
  }

  #fail(worker: Worker, message: string) {
    if (worker !== this.#worker) return
    this.#worker = undefined
    if (this.#running) this.#running.result.message = message
    this.#end()
  }

  #end() {
    const running = this.#running
    this.#running = undefined
    this.#worker?.unref()
    running?.done(running.result)
  }
}
