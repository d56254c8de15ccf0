import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, writeJson } from '../../atomic-file.ts'
import type { ProcessIdentity } from '../../process-identity.ts'
import type { HostSpec, ObservedHost } from '../orchestrator.ts'

/** What must be known of a host after the controller was killed, at `hosts/<flow>/<name>.json`. */
export interface HostRecord {
  v: 1
  spec: HostSpec
  id: string
  process?: ProcessIdentity
  startedAt?: string
  stopping: boolean
  failures: number
  lastExit?: NonNullable<ObservedHost['lastExit']>
}

/** Of one replica of one generation: its process changes, this doesn't. */
export const nameOf = (node: string, generation: number, replica: number) =>
  `${node}-${generation}-${replica}`

export class HostRecords {
  #folder: string

  constructor(state: string) {
    this.#folder = join(state, 'hosts')
  }

  pathOf(flow: string, name: string) {
    return join(this.#folder, flow, `${name}.json`)
  }

  save(record: HostRecord) {
    const { workload, generation, replica } = record.spec
    writeJson(this.pathOf(workload.flow, nameOf(workload.node, generation, replica)), record, 0o600)
  }

  remove({ spec }: HostRecord) {
    rmSync(this.pathOf(spec.workload.flow, nameOf(spec.workload.node, spec.generation, spec.replica)), {
      force: true,
    })
  }

  all(): HostRecord[] {
    const records: HostRecord[] = []
    for (const flow of list(this.#folder)) {
      for (const file of list(join(this.#folder, flow))) {
        if (!file.endsWith('.json')) continue
        const record = readJson<HostRecord>(join(this.#folder, flow, file))
        if (record?.v === 1) records.push(record)
      }
    }
    return records
  }

  /** Start of every path above: marks a process as one of this state folder. */
  get prefix() {
    return `--record=${this.#folder}/`
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}
