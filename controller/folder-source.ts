import { createHash } from 'node:crypto'
import type { Stats } from 'node:fs'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join, relative, resolve, sep } from 'node:path'
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
  /** Files that code asked for when it was read last, as it names them. */
  #imported?: ReadonlySet<string>

  /** @param state the controller's own folder, which may lie within */
  constructor(folder: string, onChange: () => void, state?: string) {
    this.#folder = resolve(folder)
    this.#state = state === undefined ? undefined : resolve(state)
    this.#watcher = watch(this.#folder, {
      ignoreInitial: true,
      followSymlinks: false,
      ignored: (path, stats) => this.#isIgnored(path, stats),
    })
    this.#watcher.on('all', (_, path) => {
      // Not even a reason to look: whoever writes data without a pause would put off every look.
      if (isData.test(path) && this.#imported && !this.#imports(path)) return
      clearTimeout(this.#timer)
      this.#timer = setTimeout(onChange, settleMs)
    })
    this.#watcher.on('error', () => {}) // what can't be watched is still read at the next poll
  }

  async fetch(signal: AbortSignal): Promise<Revision> {
    const hash = createHash('sha256')
    try {
      const files = await this.#filesIn(this.#folder)
      const imported = new Set<string>()
      const add = async (file: string) => {
        signal.throwIfAborted()
        const content = await readFile(join(this.#folder, file))
        hash.update(`${file}\0`).update(content).update('\0')
        return content
      }
      for (const file of files) {
        if (isData.test(file)) continue
        const content = await add(file)
        if (isCode.test(file))
          for (const path of importsOf(join(this.#folder, file), content)) imported.add(path)
      }
      this.#imported = imported
      for (const file of files)
        if (isData.test(file) && this.#imports(join(this.#folder, file))) await add(file)
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

  #imports(path: string): boolean {
    return [path, path.replace(/\.[^.]+$/, ''), basename(path)].some(name => this.#imported?.has(name))
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

/** What a build can read: code, the dataflow, the manifests, and data that code imports. */
const matters = /\.([cm]?[jt]s|[jt]sx|json|css|txt|ya?ml)$/
const isCode = /\.([cm]?[jt]s|[jt]sx)$/
/** What a sink or a function may write as well: read only where code imports it. */
const isData = /(?<!(^|\/)(package|package-lock|tsconfig[^/]*|dataflow))\.(json|css|txt|ya?ml)$/

/** Paths that code names after `from`, `import` or `require`; with or without extension, there or not. Of an alias
 *  (`#data/table.json`) the name of the file alone is known. */
function importsOf(file: string, content: Buffer): string[] {
  const named = content.toString().matchAll(/\b(?:from|import|require)\s*\(?\s*(['"`])([^'"`\n]+)\1/g)
  return Array.from(named, ([, , path]) =>
    path!.startsWith('.') ? join(file, '..', path!) : basename(path!),
  )
}

const isHidden = (name: string) => /^\.[^.]/.test(name)
