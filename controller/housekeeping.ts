import { pruneStore } from '../builder/index.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import type { Repository } from './repository.ts'

/** Between two rounds while things change. */
const busyMs = 300_000
/** Without any change: what is in use is dated anew, and what has grown old goes. */
const idleMs = 3_600_000

type Needed = Pick<Context, 'store' | 'runtime' | 'orchestrator' | 'log'>

/** Removes what nobody has needed for a week: artifacts, installed packages, logs. The first round follows the
 *  first good pass. */
export class Housekeeping {
  /** Resolves when no round is under way. */
  done: Promise<void> = Promise.resolve()
  #repository: Repository
  #context: Needed
  #isRunning = false
  #hasChanged = false
  #endedAt = -Infinity

  constructor(repository: Repository, context: Needed) {
    this.#repository = repository
    this.#context = context
  }

  /** Told of each pass that went through. */
  after({ last }: Dataflow): void {
    if (!last) return
    if (last.changes.length > 0) this.#hasChanged = true
    const { dataflows, revision } = this.#repository
    const passedMs = performance.now() - this.#endedAt
    if (this.#isRunning || !revision || passedMs < (this.#hasChanged ? busyMs : idleMs)) return
    // While one is checked, built or swapped, what it needs is not written down yet.
    for (const { accepting, last } of dataflows.values())
      if (accepting || (last && last.changes.length > 0)) return
    this.#isRunning = true
    this.#hasChanged = false
    this.done = this.#round()
      .catch(error => this.#context.log.warn({ err: error }, 'could not remove what is no longer used'))
      .finally(() => {
        this.#isRunning = false
        this.#endedAt = performance.now()
      })
  }

  async #round(): Promise<void> {
    const { store, runtime, orchestrator } = this.#context
    const artifacts = new Set([runtime.digest])
    const folders: string[] = []
    for (const { folder, inventory } of this.#repository.dataflows.values()) {
      folders.push(folder)
      if (!inventory) continue
      for (const digest of [inventory.runtime.digest, ...Object.keys(inventory.used ?? {})])
        artifacts.add(digest)
      for (const { digest } of Object.values(inventory.artifacts)) artifacts.add(digest)
      for (const { workload } of Object.values(inventory.pins ?? {}))
        artifacts.add(workload.artifact).add(workload.runtime)
    }
    for (const flow of await orchestrator.flows()) {
      for (const { artifact, runtime } of await orchestrator.observe(flow))
        artifacts.add(artifact).add(runtime)
    }
    await pruneStore(store, { artifacts, folders })
    await orchestrator.prune()
  }
}
