import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { join, relative, resolve, sep } from 'node:path'
import { type FSWatcher, watch } from 'chokidar'
import { Problem } from '../schema/problem.ts'
import type { Revision, Source } from './source/source.ts'

// An editor writes a file in several steps, and a branch switch writes many.
const settleMs = 25

/** In the place of a branch. */
export const worktree = 'worktree'

/** A working folder without Git, for `dyninka dev`: each state of the files that a build may read is a revision. */
export class FolderSource implements Source {
  readonly #folder: string
  readonly #state: string | undefined
  readonly #watcher: FSWatcher
  #timer?: NodeJS.Timeout

  /** @param state the controller's own folder, which may lie within */
  constructor(folder: string, onChange: () => void, state?: string) {
    this.#folder = resolve(folder)
    this.#state = state === undefined ? undefined : resolve(state)
    this.#watcher = watch(this.#folder, {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path, stats) => this.#isIgnored(path, stats),
    })
    this.#watcher.on('all', () => {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(onChange, settleMs)
    })
    this.#watcher.on('error', () => {}) // what can't be watched is still read at the next poll
  }

  async fetch(signal: AbortSignal): Promise<Revision> {
    const hash = createHash('sha256')
    try {
      for (const file of await this.#filesIn(this.#folder)) {
        signal.throwIfAborted()
        hash.update(`${file}\0`)
        hash.update(await readFile(join(this.#folder, file)))
        hash.update('\0')
      }
    } catch (error) {
      if (signal.aborted) throw error
      throw new Problem(
        'FolderUnreadable',
        `cannot read ${this.#folder}: ${(error as NodeJS.ErrnoException).code}`,
        {
          cause: error,
          disposition: 'waiting',
          hint: 'Is it there, and may you read all of it?',
        },
      )
    }
    const digest = hash.digest('hex')
    return {
      id: `${worktree}@sha256:${digest}`,
      commit: digest,
      branch: worktree,
      tree: this.#folder,
      message: '',
      author: '',
      at: new Date().toISOString(),
    }
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.#watcher.close()
  }

  /** What matters below a folder, sorted, so that the same content gives the same digest. */
  async #filesIn(folder: string): Promise<string[]> {
    const entries = await readdir(folder, { withFileTypes: true })
    const found = await Promise.all(
      entries.map(async entry => {
        const path = join(folder, entry.name)
        if (this.#isIgnored(path, entry)) return []
        if (entry.isDirectory()) return (await this.#filesIn(path)).map(file => `${entry.name}/${file}`)
        return entry.isFile() && (await stat(path)).size <= maxBytes ? [entry.name] : []
      }),
    )
    return found.flat().toSorted()
  }

  #isIgnored(path: string, entry?: Pick<Stats, 'isFile'>): boolean {
    if (path === this.#state) return true
    const parts = relative(this.#folder, path).split(sep)
    if (parts.includes('node_modules')) return true
    if (parts.at(-1) === '.npmrc') return parts.slice(0, -1).some(isHidden)
    return parts.some(isHidden) || (entry?.isFile() === true && !matters.test(path))
  }
}

// Larger files are no code; data beside the functions must not make every change slow.
const maxBytes = 4 * 1024 * 1024

/** What a build can read: code and what esbuild loads beside it, the dataflow, the manifests. What a sink, or a
 *  shell, writes here is no reason to build again. */
const matters = /\.([cm]?[jt]s|[jt]sx|json|css|txt|ya?ml)$/

const isHidden = (name: string) => /^\.[^.]/.test(name)
