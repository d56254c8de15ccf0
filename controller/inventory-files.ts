import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { readJson, writeAtomic } from './atomic-file.ts'
import type { Inventories, Inventory } from './inventory.ts'

/** Inventories as files below the state folder, written before `save` returns. */
export class InventoryFiles implements Inventories {
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

  async settled(): Promise<void> {}
}
