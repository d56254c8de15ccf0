import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join, resolve, sep } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { type FSWatcher, watch } from 'chokidar'
import { Problem } from '../schema/problem.ts'
import type { Revision, Source } from './source/source.ts'

// An editor writes a file in several steps, and a branch switch writes many.
const settleMs = 25

/** In the place of a branch. */
export const worktree = 'worktree'

/** A working folder without Git, for `dyninka dev`: each state of its files is a revision. */
export class FolderSource implements Source {
  readonly #folder: string
  readonly #watcher: FSWatcher
  #timer?: NodeJS.Timeout

  constructor(folder: string, onChange: () => void) {
    this.#folder = resolve(folder)
    this.#watcher = watch(this.#folder, {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: path => isIgnored(path.slice(this.#folder.length)),
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
      for (const file of await filesIn(this.#folder)) {
        signal.throwIfAborted()
        hash.update(`${file}\0`)
        await pipeline(createReadStream(join(this.#folder, file)), hash, { end: false })
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
}

/** Regular files below the folder, sorted, so that the same content gives the same digest. */
async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries
      .filter(entry => !isIgnored(`/${entry.name}`))
      .map(async entry => {
        const path = join(folder, entry.name)
        if (entry.isDirectory()) return (await filesIn(path)).map(file => `${entry.name}/${file}`)
        return entry.isFile() && (await stat(path)).size <= maxBytes ? [entry.name] : []
      }),
  )
  return found.flat().toSorted()
}

// Larger files are no code; data beside the functions must not make every change slow.
const maxBytes = 4 * 1024 * 1024

const isIgnored = (path: string) =>
  path.split(sep).some(part => part === 'node_modules' || /^\.[^.]/.test(part))
