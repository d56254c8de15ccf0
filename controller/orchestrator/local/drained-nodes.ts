import { join } from 'node:path'
import { readJson, writeJson } from '../../atomic-file.ts'

/** Virtual nodes that a person has taken out of use: `nodes.json`, which outlives the controller. */
export class DrainedNodes {
  #path: string
  #names: Set<string>

  constructor(state: string) {
    this.#path = join(state, 'nodes.json')
    this.#names = new Set(readJson<{ drained: string[] }>(this.#path)?.drained)
  }

  has(name: string): boolean {
    return this.#names.has(name)
  }

  /** @throws Problem when it can't be kept */
  set(name: string, isDrained: boolean): void {
    const names = new Set(this.#names)
    if (isDrained) names.add(name)
    else names.delete(name)
    writeJson(this.#path, { drained: [...names] }, 0o600)
    this.#names = names
  }
}
