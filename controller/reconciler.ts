import type { Logger } from 'pino'
import type { Decision } from '../schema/edit.ts'
import { Problem } from '../schema/problem.ts'
import type { ScaleSettings } from './autoscale.ts'
import { jitterMs } from './backoff.ts'
import type { FlowView } from './broker/flow-view.ts'
import type { Context } from './context.ts'
import { Counts } from './counts.ts'
import type { Dataflow } from './dataflow.ts'
import { recordHistory } from './history.ts'
import { Housekeeping } from './housekeeping.ts'
import { move } from './move.ts'
import { type ObservedAnswer, observedAnswer } from './observed-answer.ts'
import type { Onlooker } from './onlookers.ts'
import { recallTo } from './recall.ts'
import { reconcile } from './reconcile.ts'
import { Repository } from './repository.ts'
import type { Source } from './source/source.ts'
import { stateProblem } from './state-folder.ts'
import { type DataflowStatus, statusOf } from './status.ts'
import { refusedOf, type Telemetry } from './telemetry/telemetry.ts'
import type { TrafficFiles } from './traffic-files.ts'
import { WorkQueue } from './work-queue.ts'

export interface ReconcilerOptions extends Omit<Context, 'claim' | 'record'> {
  source: Source
  path: string
  intervalMs: number
  scaling: Partial<ScaleSettings>
  trafficFiles: TrafficFiles
  telemetry: Telemetry
  onlookers?: Onlooker[]
  /** Only one dataflow is expected under `path`. */
  single?: true
  /** Nothing of it is wanted any more: all that runs ends, and what the broker keeps is discarded. */
  removing?: true
  /** A pass has ended, well or not: `status` may say something new. */
  onPass?: () => void
}

const sourceKey = 'source'
// Drift is told by events; this is for what no event tells, like a host that went silent.
const lookAgainMs = 5_000
const scaleEveryMs = 1_000
const saveTrafficEveryMs = 60_000

/** Turns events into passes: one key for the source, one for each dataflow. */
export class Reconciler {
  readonly repository: Repository
  readonly telemetry: Telemetry
  #queue: WorkQueue
  #context: Context
  #intervalMs: number
  #counts: Counts
  #scaling: Partial<ScaleSettings>
  #isScaling = false
  #timers: NodeJS.Timeout[] = []
  #fetching?: AbortController
  #log: Logger
  #housekeeping: Housekeeping
  #onlookers: Onlooker[]
  #removing: boolean
  #hasLookedForStrays = false
  #onPass: () => void

  constructor(options: ReconcilerOptions) {
    const {
      source,
      path,
      intervalMs,
      scaling,
      trafficFiles,
      telemetry,
      onlookers = [],
      single,
      removing = false,
      onPass,
      ...rest
    } = options
    this.#log = rest.log
    this.#intervalMs = intervalMs
    this.#scaling = scaling
    this.#removing = removing
    this.#onPass = onPass ?? (() => {})
    this.#counts = new Counts(trafficFiles, rest)
    this.telemetry = telemetry
    this.repository = new Repository(source, path, rest.inventories, { single: single ?? false, removing })
    this.#context = {
      ...rest,
      claim: (dataflow, name) => this.#claim(dataflow, name),
      record: (dataflow, revision, result, message, built = []) => {
        const { inventory } = dataflow
        if (!inventory) return
        recordHistory(inventory, { revision, result, message, built }, new Date())
        rest.inventories.save(inventory)
      },
    }
    this.#housekeeping = new Housekeeping(this.repository, this.#context)
    this.#onlookers = onlookers
    this.#queue = new WorkQueue(
      key => this.#pass(key),
      (key, error, retryMs) => this.#failed(key, error, retryMs),
    )
    rest.orchestrator.onChange(flow => this.flowChanged(flow))
  }

  /** First what ran before, which needs no source, then the source. */
  start(): void {
    this.lookAtAll()
    this.lookAtSource()
    this.#timers = [
      setInterval(() => this.lookAtAll(), lookAgainMs).unref(),
      setInterval(
        () => this.#scaleAll().catch(err => this.#log.warn({ err }, 'scaling failed')),
        scaleEveryMs,
      ).unref(),
      setInterval(() => this.#counts.save(), saveTrafficEveryMs).unref(),
    ]
  }

  lookAtSource(): void {
    this.#queue.add(sourceKey)
  }

  lookAtAll(): void {
    for (const key of this.repository.dataflows.keys()) this.#queue.add(key)
  }

  flowChanged(flow: string): void {
    const owner = this.repository.byName(flow)
    if (owner) this.#queue.add(owner[0])
  }

  async status(): Promise<DataflowStatus[]> {
    const source = this.repository.revision?.id ?? ''
    const statuses: DataflowStatus[] = []
    for (const dataflow of this.repository.dataflows.values()) {
      const view = await this.#viewOf(dataflow)
      const status = statusOf(dataflow, source, view, this.#counts.of(dataflow.name))
      statuses.push({ ...status, ...refusedOf(this.telemetry, dataflow.name) })
    }
    return statuses.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What `desire` and `plan` would get now, for `dyninka diff`, and the code of each function. */
  observed(dataflow: Dataflow): Promise<ObservedAnswer> {
    return observedAnswer(dataflow, this.#context)
  }

  /** How reading the source goes. */
  sourceStatus() {
    const { revision, trouble } = this.repository
    return {
      revision: revision?.id ?? null,
      ...(trouble && {
        trouble: { reason: trouble.reason, message: trouble.message, hint: trouble.hint ?? '' },
      }),
    }
  }

  /** Something waits for a node that its producers can't tell of: it gets a host if it has none. */
  wake(dataflow: Dataflow, node: string): void {
    const resting = dataflow.inventory?.resting?.[node]
    if (!resting) return
    resting.revision = 0
    this.#context.inventories.save(dataflow.inventory!)
  }

  /** See `move`. */
  async move(dataflow: Dataflow, name: string, to: Decision): Promise<string[]> {
    const moved = await move(dataflow.inventory!, name, to, this.#context)
    this.flowChanged(dataflow.name)
    return moved
  }

  /** A person has given a node back: what fled from it goes there again, whatever that costs. */
  async welcome(node: string): Promise<void> {
    const states = await this.#context.orchestrator.nodeStates()
    for (const { inventory } of this.all())
      if (recallTo(inventory!, node, states)) this.#context.inventories.save(inventory!)
    this.lookAtAll()
  }

  /** Tries once more what did not start in time. */
  retry(): void {
    for (const [key, { inventory }] of this.repository.dataflows) {
      if (Object.keys(inventory?.pins ?? {}).length === 0) continue
      delete inventory!.pins
      this.#context.inventories.save(inventory!)
      this.#queue.add(key)
    }
  }

  /** Those that were good at least once. */
  all(): Dataflow[] {
    return [...this.repository.dataflows.values()].filter(({ inventory }) => inventory)
  }

  /** With `removing`: nothing is left. */
  get isGone(): boolean {
    return this.#removing && this.#hasLookedForStrays && this.repository.dataflows.size === 0
  }

  saveTraffic(): void {
    this.#counts.save()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#fetching?.abort()
    for (const { accepting } of this.repository.dataflows.values()) accepting?.abort()
    await this.#queue.close()
    this.#counts.save()
    await this.#housekeeping.done
    await Promise.all(this.#onlookers.map(onlooker => onlooker.close()))
    await this.repository.close()
    this.telemetry.close()
  }

  /** Dead letters were replayed or dropped. @param node all when left out @param count all when left out */
  lettersRead(flow: string, node?: string, count?: number): void {
    this.#counts.lettersRead(flow, node, count)
  }

  async #pass(key: string): Promise<number | undefined> {
    try {
      return await (key === sourceKey ? this.#lookAtSource() : this.#lookAt(key))
    } finally {
      const dataflow = this.repository.dataflows.get(key)
      if (dataflow) for (const onlooker of this.#onlookers) onlooker.after(dataflow)
      this.#onPass()
    }
  }

  async #lookAtSource(): Promise<number | undefined> {
    if (this.#removing) {
      await this.#adoptStrays()
      this.#hasLookedForStrays = true
      return undefined
    }
    this.#fetching = new AbortController()
    const before = this.repository.revision
    const keys = await this.repository.refresh(this.#fetching.signal)
    const { id, message } = this.repository.revision!
    if (id !== before?.id) this.#context.emit({ type: 'fetched', revision: id, message })
    for (const key of keys) this.#queue.add(key)
    await this.#adoptStrays()
    return jitterMs(this.#intervalMs)
  }

  async #adoptStrays(): Promise<void> {
    for (const flow of await this.#context.orchestrator.flows()) {
      if (this.repository.byName(flow) || !this.repository.mayPrune()) continue
      this.#queue.add(this.repository.adoptStray(flow, this.#context.runtime))
    }
  }

  async #lookAt(key: string): Promise<number | undefined> {
    const dataflow = this.repository.dataflows.get(key)
    if (!dataflow) {
      this.#queue.forget(key)
      return undefined
    }
    if (dataflow.removed && !this.repository.mayPrune()) return lookAgainMs
    await reconcile(dataflow, this.#context)
    this.#housekeeping.after(dataflow)
    if (dataflow.last) {
      const view = await this.#viewOf(dataflow)
      this.#scale(key, dataflow, view) // before what hosts said that are gone is forgotten
      this.#counts.count(dataflow, view)
    }
    if (dataflow.removed && dataflow.gone) {
      this.repository.dataflows.delete(key)
      this.#counts.forget(dataflow.name)
      this.telemetry.forget(dataflow.name)
      await this.#context.broker.forget(dataflow.name)
    }
    return dataflow.retry && Math.max(0, dataflow.retry.at - performance.now())
  }

  async #scaleAll() {
    if (!this.#context.broker.connected || this.#isScaling) return
    this.#isScaling = true
    try {
      const uses = await this.#context.orchestrator.nodeUse?.()
      for (const [key, dataflow] of this.repository.dataflows) {
        const view = await this.#viewOf(dataflow)
        // A pass may have let it go meanwhile.
        if (this.repository.dataflows.get(key) !== dataflow) continue
        this.#scale(key, dataflow, view)
        if (view) this.telemetry.look(dataflow, view, uses)
      }
      this.telemetry.save()
    } finally {
      this.#isScaling = false
    }
  }

  #scale(key: string, dataflow: Dataflow, view: FlowView | undefined) {
    if (!view || !dataflow.last) return
    const inventory = dataflow.inventory!
    const scaled = dataflow.scaler.look(dataflow, view, this.#scaling)
    // Who may rest is on the disk before its last host is told to go.
    if (inventory.resting) this.#context.inventories.save(inventory)
    if (scaled.length === 0) return
    for (const each of scaled) this.#context.emit({ type: 'scaled', flow: inventory.name, ...each })
    this.#queue.add(key)
  }

  #viewOf({ inventory }: Dataflow): Promise<FlowView> | undefined {
    return inventory && this.#context.broker.watch(inventory.name, Object.keys(inventory.sessions))
  }

  #claim(dataflow: Dataflow, name: string) {
    const taken = this.repository.claim(dataflow, name)
    for (const key of this.repository.dataflows.keys()) if (key.startsWith('removed:')) this.#queue.add(key)
    if (taken === undefined) return undefined
    return {
      file: 'dataflow.yaml',
      line: 1,
      column: 1,
      code: 'name-taken',
      message: `another dataflow of this repository, in ${taken}, is named ${name} too`,
      hint: 'Give one of them another name.',
    }
  }

  #failed(key: string, error: unknown, retryMs: number) {
    if ((error as Error).name === 'AbortError') return this.#queue.add(key)
    const named = stateProblem(error, this.#context.store)
    const problem = named instanceof Problem ? named : undefined
    const { reason = 'InternalError', hint } = problem ?? {}
    const { message } = named as Error
    if (key === sourceKey) {
      this.repository.trouble = problem ?? new Problem(reason, message)
      this.#context.emit({ type: 'source-failed', reason, message, ...(hint !== undefined && { hint }) })
    } else {
      const type = problem?.disposition === 'stalled' ? 'Stalled' : 'Reconciling'
      const dataflow = this.repository.dataflows.get(key)
      dataflow?.conditions.set(type, 'True', reason, message, hint ?? '')
      const flow = dataflow?.name ?? key
      this.#context.emit({ type: 'pass-failed', flow, reason, message, ...(hint !== undefined && { hint }) })
    }
    this.#log.warn({ key, reason, retryMs, err: error }, 'a pass failed')
    this.#onPass()
  }
}
