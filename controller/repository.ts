import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { discover } from '../schema/index.ts'
import { Problem } from '../schema/problem.ts'
import { Dataflow } from './dataflow.ts'
import { worktree } from './folder-source.ts'
import type { ArtifactRef, Inventories, Inventory } from './inventory.ts'
import type { Revision, Source } from './source/source.ts'

/** The dataflows of one source, and who may have which name. */
export class Repository {
  /** By folder; what is on its way out by `removed:` and its name. */
  readonly dataflows = new Map<string, Dataflow>()
  /** The last that could be read. */
  revision?: Revision
  /** Why the source can't be read for now. */
  trouble?: Problem
  #source: Source
  #path: string
  #inventories: Inventories
  #single: boolean

  /** @param inventories hold what an earlier controller left: it goes on before the source is read
   *  @param options.single refuse several dataflows @param options.removing all that was left is to go */
  constructor(
    source: Source,
    path: string,
    inventories: Inventories,
    { single = false, removing = false }: { single?: boolean; removing?: boolean } = {},
  ) {
    this.#source = source
    this.#path = path
    this.#inventories = inventories
    this.#single = single
    for (const inventory of inventories.all()) {
      if (removing) this.#retireInventory(inventory)
      else if (inventory.removed) this.#keepRemoved(inventory)
      else this.dataflows.set(inventory.folder, Object.assign(new Dataflow(inventory.folder), { inventory }))
    }
  }

  /** Reads the source and offers what it finds. @returns keys of dataflows to look at */
  async refresh(signal: AbortSignal): Promise<string[]> {
    const revision = await this.#source.fetch(signal)
    const folders = await this.#foldersIn(revision)
    this.revision = revision
    delete this.trouble
    const keys = folders.map(folder => {
      const dataflow = this.dataflows.get(folder) ?? new Dataflow(folder)
      dataflow.offer(revision)
      this.dataflows.set(folder, dataflow)
      return folder
    })
    for (const [key, dataflow] of this.dataflows) {
      if (!folders.includes(dataflow.folder) && !dataflow.removed) keys.push(...this.#retire(key, dataflow))
    }
    return keys
  }

  /** The dataflow that owns a flow's name. */
  byName(name: string): [key: string, dataflow: Dataflow] | undefined {
    return [...this.dataflows].find(([, dataflow]) => dataflow.inventory?.name === name)
  }

  /** A removed dataflow is not pruned while one that was not read yet may turn out to have its name: it moved. */
  mayPrune(): boolean {
    const living = [...this.dataflows.values()].filter(({ removed }) => !removed)
    return living.every(({ inventory, considered }) => inventory !== undefined && considered !== undefined)
  }

  /** Gives a name to a dataflow. What ran under it in a folder that is gone, or under the old name of this
   *  folder, is handed over or retired. @returns the folder that has the name */
  claim(dataflow: Dataflow, name: string): string | undefined {
    const owner = this.byName(name)
    if (owner && owner[1] !== dataflow) {
      if (!owner[1].removed) return owner[1].folder
      this.dataflows.delete(owner[0])
      if (dataflow.inventory) this.#retireInventory(dataflow.inventory)
      dataflow.inventory = { ...owner[1].inventory!, folder: dataflow.folder, removed: false }
    } else if (dataflow.inventory && dataflow.inventory.name !== name) {
      this.#retireInventory(dataflow.inventory)
      delete dataflow.inventory
    }
    return undefined
  }

  /** Something of this flow runs, and nobody wants it: its inventory was lost. @returns its key */
  adoptStray(name: string, runtime: ArtifactRef): string {
    const flow = { name, nodes: [] }
    const nothing = {
      v: 1 as const,
      name,
      flow,
      folder: '',
      revision: '',
      artifacts: {},
      runtime,
      sessions: {},
      history: [],
    }
    return this.#retireInventory(nothing)
  }

  close(): Promise<void> {
    return this.#source.close()
  }

  async #foldersIn({ tree, id, branch }: Revision): Promise<string[]> {
    const root = join(tree, this.#path)
    const entries = await readdir(root).catch(() => undefined)
    if (!entries) {
      throw new Problem('PathNotFound', `${id} has no folder ${this.#path}`, {
        disposition: 'waiting',
        hint: 'Push it, or name another one with --path.',
      })
    }
    const folders = await discover(root)
    // A commit without any dataflow is a decision; an empty tree, or a file that an editor is about to
    // replace, is not: nothing is pruned for it.
    if (folders.length === 0 && (branch === worktree || entries.every(name => name === '.git'))) {
      throw new Problem('NoDataflow', `${id} has no dataflow.yaml`, {
        disposition: 'waiting',
        hint: 'Add one: `dyninka init` makes a small example.',
      })
    }
    if (this.#single && folders.length > 1) {
      throw new Problem('SeveralDataflows', `${id} has a dataflow.yaml in ${folders.join(', ')}`, {
        disposition: 'stalled',
        hint: 'Name the folder of one of them.',
      })
    }
    return folders.map(folder => join(this.#path, folder))
  }

  #retire(key: string, { inventory }: Dataflow): string[] {
    this.dataflows.delete(key)
    return inventory ? [this.#retireInventory(inventory)] : []
  }

  /** Written down first: a controller that is killed now still knows that it has to go. */
  #retireInventory(inventory: Inventory): string {
    inventory.removed = true
    this.#inventories.save(inventory)
    return this.#keepRemoved(inventory)
  }

  #keepRemoved(inventory: Inventory): string {
    const key = `removed:${inventory.name}`
    this.dataflows.set(key, Object.assign(new Dataflow(inventory.folder), { inventory }))
    return key
  }
}
