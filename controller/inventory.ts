import type { Artifact } from '../builder/artifact.ts'
import type { Flow } from '../schema/flow.ts'
import type { OutageRecord } from './adaptation/outages.ts'
import type { Refuges } from './adaptation/refuge.ts'
import type { Overrides } from './overrides.ts'
import type { Pins } from './pins.ts'

export type ArtifactRef = Pick<Artifact, 'digest' | 'path'>

/** What became of one revision. */
export interface HistoryEntry {
  revision: string
  at: string
  result: 'Progressing' | 'Succeeded' | 'Failed' | 'Superseded'
  message: string
  built: string[]
  applied: string[]
}

/** A function that needs no host: as long as this holds, nothing can be waiting for it that nobody tells of. */
export interface Resting {
  /** The wiring that all its sessions have in effect; 0 when it has got another one since. */
  revision: number
  /** By host of its producers: the partitions it had taken over when all that it had sent was finished. */
  feeders: Record<string, number>
}

/** What is wanted of one dataflow and what may be left of it: enough to go on, and to clean up, without the source. */
export interface Inventory {
  v: 1
  name: string
  /** Of its `dataflow.yaml`, relative to the tree. */
  folder: string
  /** The last good revision. */
  revision: string
  flow: Flow
  artifacts: Record<string, ArtifactRef>
  runtime: ArtifactRef
  /** By digest: the last revision that used an artifact, for those in the history. */
  used?: Record<string, string>
  /** By node of the graph: names of the partitions that ever got a session; they go when they are discarded. */
  sessions: Record<string, string[]>
  /** By node of the graph: zones on whose broker its partitions may have sessions. */
  brokers?: Record<string, string[]>
  /** By function that has no host: what is known of its sessions. */
  resting?: Record<string, Resting>
  /** By node of the graph: what does not follow the revision. */
  pins?: Pins
  /** Where `when` has something run in place of what its file decides. */
  switches?: Overrides
  /** Where a person has something run until the next revision. */
  moves?: Overrides
  /** Where something runs because it can't be where it is decided. */
  refuges?: Refuges
  /** By node: those that can't be used, and those that could not of late. */
  outages?: OutageRecord
  history: HistoryEntry[]
  /** Its `dataflow.yaml` is gone, or has another name: all of it is to go. */
  removed?: boolean
}

/** Where inventories are kept: all that a controller must not lose. */
export interface Inventories {
  /** What an earlier controller left. */
  all(): Inventory[]
  /** Takes note of it as it is now; `settled` says when it is kept. */
  save(inventory: Inventory): void
  remove(name: string): void
  /** Resolves once whoever comes next would find all that was saved. Nothing that would have to be cleaned up later is
   *  made before. @throws Problem when it can't be kept */
  settled(): Promise<void>
}
