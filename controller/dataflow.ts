import type { Finding } from '../schema/finding.ts'
import { Adaptation } from './adaptation/adaptation.ts'
import type { Change } from './change.ts'
import { Conditions } from './conditions.ts'
import type { Desired } from './desired.ts'
import type { Health } from './health.ts'
import type { Inventory } from './inventory.ts'
import { Starts } from './pins.ts'
import type { Observed } from './plan.ts'
import { Scaler } from './scaler.ts'
import type { Revision } from './source/source.ts'
import { Switches } from './switches.ts'

const minPatienceMs = 10_000

/** A change of placement that a person is asked about. */
export interface Suggestion {
  /** `held`: a person has the word; `failed`: none could be made. */
  state: 'opened' | 'updated' | 'unchanged' | 'withdrawn' | 'held' | 'failed'
  moves: { function: string; zone: string; node: string }[]
  savesPerHour?: number
  /** Of the pull request. */
  url?: string
  reason?: string
  message?: string
  /** When it was looked at, RFC 3339. */
  at: string
}

/** One `dataflow.yaml` that was seen in the source: everything that passes know of it. */
export class Dataflow {
  /** Of its `dataflow.yaml`, relative to the tree. */
  readonly folder: string
  readonly conditions = new Conditions()
  /** How many hosts its functions should have. */
  readonly scaler = new Scaler()
  /** What the source has to offer; accepted once it is loaded, checked and built. */
  offered?: Revision
  /** As its newest `dataflow.yaml` says, for as long as none was good. */
  offeredName?: string
  /** Identifies the offer, and all else that checking it depends on, that was looked at last. */
  considered?: string
  /** Cancels what is done for an older offer. */
  accepting?: AbortController
  /** Of the last good revision; none before the first. */
  inventory?: Inventory
  /** Nothing of it is left. */
  gone = false
  findings: Finding[] = []
  building: string[] = []
  /** By function: why its newest code could not be built. */
  buildFailures: Record<string, string> = {}
  /** Building failed for what may be gone by itself: when it is tried again, by `performance.now()`. */
  retry?: { failures: number; at: number }
  /** How long new generations have been starting. */
  readonly starts = new Starts()
  /** Which alternatives of `when` count. */
  readonly switches = new Switches()
  /** What keeps functions from where they are decided to be. */
  readonly adaptation = new Adaptation()
  /** When the revision that is on its way was offered, or what ran was found changed, by `performance.now()`. */
  offeredAt = 0
  /** How long it takes until what is waited for is told again, ms since then. */
  patienceMs = minPatienceMs
  /** What is proposed for where it runs. */
  suggestion?: Suggestion
  /** As of the last pass; `revision` is the one that it worked for. */
  last?: { revision: string; desired: Desired; observed: Observed; changes: Change[]; health: Health }

  constructor(folder: string) {
    this.folder = folder
  }

  /** Its `dataflow.yaml` is gone: stop and discard all. */
  get removed(): boolean {
    return this.inventory?.removed ?? false
  }

  get name(): string {
    if (this.inventory) return this.inventory.name
    return this.offeredName ?? (this.folder === '' || this.folder === '.' ? 'dataflow.yaml' : this.folder)
  }

  /** Something is to be done from now on. */
  begin(): void {
    this.offeredAt = performance.now()
    this.patienceMs = minPatienceMs
  }

  /** Hands over a revision; what is being done for an older one is cancelled. */
  offer(revision: Revision): void {
    if (this.offered?.id === revision.id && this.offered.tree === revision.tree) return
    if (this.offered?.id !== revision.id) this.begin()
    this.offered = revision
    this.accepting?.abort()
  }
}
