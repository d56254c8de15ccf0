import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Problem } from '../../schema/problem.ts'
import { type Address, type Credentials, parseAddress } from './address.ts'
import { parseCommit } from './commit.ts'
import { lacksRoom, sourceProblem } from './failure.ts'
import { type Git, GitFailure, openGit } from './git.ts'
import { listEntries } from './listing.ts'
import {
  ensureMirror,
  type MirrorOptions,
  passwordVariable,
  type SshKey,
  usernameVariable,
} from './mirror.ts'
import { MissingObject, readObjects } from './objects.ts'
import { ProposalBranch } from './proposal-branch.ts'
import { findTip, type Tip } from './remote.ts'
import type { Revision, Source } from './source.ts'
import { writeTree } from './tree.ts'
import { Trees } from './trees.ts'

export interface GitSourceOptions {
  /** Anything that `git clone` takes; a user and password in it are taken out first. */
  url: string
  /** Default: the remote's default branch. */
  branch?: string
  /** Folder of its own for the mirror and the trees. */
  cacheDir: string
  /** For HTTP(S). Default: those in the URL, or else the user's own credential helper. */
  credentials?: Credentials
  ssh?: SshKey
  /** Commits of history to fetch. Default 1. */
  depth?: number
  /** Only commits signed with one of these SSH keys. */
  requireSignature?: { allowedSigners: string }
  /** Larger files are refused. Default 50 MB. */
  maxBlobBytes?: number
  /** How long Git may be silent before it is stopped. Default 60 s. */
  stallMs?: number
}

/** Follows a branch of a Git repository. @throws Problem if the URL is none */
export function gitSource(options: GitSourceOptions): Source {
  return new GitSource(options)
}

class GitSource implements Source {
  readonly #branch: string | undefined
  readonly #depth: number
  readonly #maxBlobBytes: number
  readonly #address: Address
  readonly #credentials: Credentials | undefined
  readonly #folder: string
  readonly #mirror: string
  readonly #trees: Trees
  readonly #mirrorOptions: MirrorOptions
  readonly #git: Git
  readonly #closing = new AbortController()
  /** One at a time: they share a mirror. */
  #queue: Promise<unknown> = Promise.resolve()
  /** A commit that can't be taken, so that it is not fetched again at every poll. */
  #refused: { commit: string; problem: Problem } | undefined
  #fetches = 0

  constructor({ url, cacheDir, ...options }: GitSourceOptions) {
    const { credentials, ...address } = parseAddress(url)
    this.#address = address
    this.#credentials = address.kind === 'http' ? (options.credentials ?? credentials) : undefined
    this.#branch = options.branch
    this.#depth = options.depth ?? 1
    this.#maxBlobBytes = options.maxBlobBytes ?? 50 * 1024 * 1024
    this.#folder = resolve(cacheDir)
    this.#mirror = join(this.#folder, 'mirror')
    this.#trees = new Trees(join(this.#folder, 'trees'))
    this.#mirrorOptions = {
      address,
      hasCredentials: this.#credentials !== undefined,
      maxBlobBytes: this.#maxBlobBytes,
      borrow: address.path === undefined ? undefined : objectsOf(address.path),
      ...(options.ssh && { ssh: options.ssh }),
      ...(options.requireSignature && { allowedSigners: resolve(options.requireSignature.allowedSigners) }),
    }
    this.#git = openGit({
      gitDir: this.#mirror,
      stallMs: options.stallMs ?? 60_000,
      ...(this.#credentials && {
        environment: {
          [usernameVariable]: this.#credentials.username,
          [passwordVariable]: this.#credentials.password,
        },
      }),
    })
  }

  fetch(signal: AbortSignal): Promise<Revision> {
    const either = AbortSignal.any([signal, this.#closing.signal])
    const fetched = this.#queue.then(() => this.#fetch(either))
    this.#queue = fetched.then(
      () => this.#tidy(),
      () => {},
    )
    return fetched
  }

  /** Of what was fetched last: its commit is to be the base. */
  proposalBranch(name: string): ProposalBranch {
    return new ProposalBranch(this.#git, name)
  }

  async close(): Promise<void> {
    this.#closing.abort(new Problem('SourceClosed', 'the source is closed', { disposition: 'stalled' }))
    await this.#queue
  }

  async #fetch(signal: AbortSignal): Promise<Revision> {
    try {
      return await this.#fetchNow(signal)
    } catch (error) {
      signal.throwIfAborted()
      throw sourceProblem(error, this.#address.url, this.#folder, [this.#credentials?.password])
    }
  }

  async #fetchNow(signal: AbortSignal): Promise<Revision> {
    signal.throwIfAborted()
    if (this.#fetches === 0) await this.#trees.clear()
    await ensureMirror(this.#mirror, this.#mirrorOptions)
    const tip = await findTip(this.#git, this.#address.url, this.#branch, signal)
    const known = await this.#trees.find(tip.branch, tip.commit)
    if (known) return known
    if (this.#refused?.commit === tip.commit) throw this.#refused.problem
    return await this.#take(tip, signal)
  }

  async #take(tip: Tip, signal: AbortSignal): Promise<Revision> {
    const heads = `refs/heads/${tip.branch}`
    for (let isFirst = true; ; isFirst = false) {
      try {
        // What lies on this machine is read where it lies: a fetch is five processes.
        if (isFirst && this.#mirrorOptions.borrow !== undefined)
          return await this.#export(tip, tip.commit, signal)
        const flags = [
          '--progress',
          '--no-tags',
          '--no-write-fetch-head',
          '--no-auto-gc',
          `--depth=${this.#depth}`,
        ]
        await this.#git.run(['fetch', ...flags, 'origin', `+${heads}:${heads}`], signal)
        return await this.#export(tip, heads, signal)
      } catch (error) {
        if (error instanceof Problem && error.reason !== 'SignatureRequired')
          this.#refused = { commit: tip.commit, problem: error }
        if (!isFirst || signal.aborted || !isDamage(error)) throw error
      }
      // The remote has just answered, so it is likely the mirror: once more with a new one.
      await rm(this.#mirror, { recursive: true, force: true })
      await ensureMirror(this.#mirror, { ...this.#mirrorOptions, borrow: undefined })
    }
  }

  /** Puts the files of a commit into a folder of their own. @param object the commit, or a ref to it */
  async #export({ branch }: Tip, object: string, signal: AbortSignal): Promise<Revision> {
    const entries = await listEntries(this.#git, object, this.#maxBlobBytes, signal)
    const contents = readObjects(this.#git, [{ object, bytes: 0 }, ...entries], signal)
    const { object: commit, content } = (await contents.next()).value
    if (this.#mirrorOptions.allowedSigners !== undefined) await this.#verify(commit, signal)
    const revision = { id: `${branch}@sha1:${commit}`, commit, branch, ...parseCommit(content.toString()) }
    return this.#trees.add(revision, folder => writeTree(entries, contents, folder))
  }

  async #verify(object: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#git.run(['verify-commit', object], signal)
    } catch (error) {
      signal.throwIfAborted()
      throw new Problem('SignatureRequired', 'the newest commit is not signed with an allowed key', {
        cause: error,
        disposition: 'stalled',
        hint: `Sign it (\`git commit -S\`) with a key of ${this.#mirrorOptions.allowedSigners}, or add the key there.`,
      })
    }
  }

  /** After the caller has its revision. */
  async #tidy(): Promise<void> {
    try {
      await this.#trees.prune()
      if (++this.#fetches % 50 === 0) await this.#git.run(['gc', '--auto', '--quiet'], this.#closing.signal)
    } catch {} // only room is lost
  }
}

const objectsOf = (path: string) =>
  [join(path, 'objects'), join(path, '.git/objects')].find(folder => existsSync(folder))

/** Of the mirror, perhaps: neither a problem that has a name, nor one of this machine's disk. */
const isDamage = (error: unknown) =>
  (error instanceof GitFailure && !lacksRoom(error)) || error instanceof MissingObject
