import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Revision } from './source.ts'

/** The files of the last revisions, a folder each: whole or not there, and never changed. */
export class Trees {
  readonly #folder: string
  /** Those that may still be in use, the newest last. */
  #revisions: Revision[] = []

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Removes what an earlier process left: it may be half of something, and nobody else uses this folder. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true })
  }

  /** A revision that is here already; it counts as the newest then. */
  async find(branch: string, commit: string): Promise<Revision | undefined> {
    const known = this.#revisions.find(revision => revision.commit === commit && revision.branch === branch)
    if (!known || !(await isThere(known.tree))) return undefined
    this.#revisions = [...this.#revisions.filter(revision => revision !== known), known]
    return known
  }

  /** @param write fills an empty folder, which gets its place when it is done */
  async add(revision: Omit<Revision, 'tree'>, write: (folder: string) => Promise<void>): Promise<Revision> {
    const tree = join(this.#folder, revision.commit)
    const fresh = join(this.#folder, `.${randomUUID()}`)
    await mkdir(fresh, { recursive: true })
    try {
      await write(fresh)
      await rm(tree, { recursive: true, force: true })
      await rename(fresh, tree)
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
    const added = { ...revision, tree }
    this.#revisions.push(added)
    return added
  }

  /** Removes all but the last two. */
  async prune(): Promise<void> {
    if (this.#revisions.length <= 2) return
    this.#revisions = this.#revisions.slice(-2)
    const kept = this.#revisions.map(({ tree }) => tree)
    for (const name of await readdir(this.#folder)) {
      const tree = join(this.#folder, name)
      if (!kept.includes(tree)) await rm(tree, { recursive: true, force: true })
    }
  }
}

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  )
