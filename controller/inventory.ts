import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../builder/artifact.ts'
import type { Flow } from '../schema/flow.ts'
import { readJson, writeAtomic } from './atomic-file.ts'

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
  /** By function that has no host: what is known of its sessions. */
  resting?: Record<string, Resting>
  history: HistoryEntry[]
  /** Its `dataflow.yaml` is gone, or has another name: all of it is to go. */
  removed?: boolean
}

export class Inventories {
  #folder: string
  #written = new Map<string, string>()
  /** How often the disk was written. */
  writes = 0

  constructor(state: string) {
    this.#folder = join(state, 'inventory')
  }

  all(): Inventory[] {
    let files: string[] = []
    try {
      files = readdirSync(this.#folder)
    } catch {}
    return files
      .filter(file => file.endsWith('.json'))
      .flatMap(file => readJson<Inventory>(join(this.#folder, file)) ?? [])
      .filter(({ v }) => v === 1)
  }

  /** Writes only what has changed. */
  save(inventory: Inventory): void {
    const text = JSON.stringify(inventory)
    if (this.#written.get(inventory.name) === text) return
    writeAtomic(join(this.#folder, `${inventory.name}.json`), text)
    this.#written.set(inventory.name, text)
    this.writes += 1
  }

  remove(name: string): void {
    rmSync(join(this.#folder, `${name}.json`), { force: true })
    this.#written.delete(name)
    this.writes += 1
  }
}
