import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, writeAtomic } from './atomic-file.ts'
import type { TrafficRecord } from './traffic.ts'

/** What was counted, on disk, by flow: counts of hosts that are gone are nowhere else. */
export class TrafficFiles {
  #folder: string

  constructor(state: string) {
    this.#folder = join(state, 'traffic')
  }

  read(flow: string): TrafficRecord | undefined {
    const record = readJson<TrafficRecord>(this.#path(flow))
    return record?.v === 1 ? record : undefined
  }

  /** @throws Problem when the disk is full, or may not be written to */
  save(flow: string, record: TrafficRecord): void {
    writeAtomic(this.#path(flow), JSON.stringify(record))
  }

  remove(flow: string): void {
    rmSync(this.#path(flow), { force: true })
  }

  #path = (flow: string) => join(this.#folder, `${flow}.json`)
}
