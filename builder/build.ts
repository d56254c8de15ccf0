import { realpath } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { posix, relative, sep } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Finding } from '../schema/finding.ts'
import type { Artifact } from './artifact.ts'
import { bundle } from './bundle.ts'
import { type Dependencies, dependenciesOf } from './dependencies.ts'
import { Memory } from './memory.ts'
import { findArtifact, keepArtifact, markUsed } from './store.ts'
import { toolchain } from './toolchain.ts'
import { Tree } from './tree.ts'

export interface BuildOptions {
  /** Top of the tree: where the bundler may read. */
  root: string
  /** Folder of `dataflow.yaml`. */
  dir: string
  functions: { name: string /** relative to `dir` */; code: string }[]
  /** Folder of the artifacts; made if missing. Any number of controllers may share one. */
  store: string
  signal?: AbortSignal
  /** Gets a line for what may take longer than a second. */
  onProgress?: (message: string) => void
}

export type BuildResult = Built | { function: string; findings: Finding[] }

export interface Built {
  function: string
  artifact: Artifact
  /** `false`: the store had it. */
  built: boolean
  ms: number
}

/**
 * Builds every function that the store does not have yet. One that fails has findings, with paths relative to
 * `dir`, and stops no other. Nothing that a user or a package wrote is run.
 * @returns one result per function, in their order
 */
export async function build(options: BuildOptions): Promise<BuildResult[]> {
  const { store, signal } = options
  const [root, dir] = await Promise.all([realpath(options.root), realpath(options.dir)])
  const flow = relative(root, dir).replaceAll(sep, '/')
  const [dependencies, memory] = await Promise.all([
    dependenciesOf(root, dir, store, options),
    Memory.open(store, flow),
  ])
  const context = { tree: new Tree(root), dependencies, memory, store }
  const outcomes = new Map<string, Promise<Outcome>>()
  const results = await eachOf(options.functions, async ({ name, code }): Promise<BuildResult> => {
    signal?.throwIfAborted()
    const start = performance.now()
    const path = posix.join(flow, code)
    const first = !outcomes.has(path)
    if (first) outcomes.set(path, buildOne(path, context))
    const outcome = await outcomes.get(path)!
    if ('findings' in outcome) {
      const findings = outcome.findings.map(found => ({ ...found, file: posix.relative(flow, found.file) }))
      return { function: name, findings }
    }
    const { artifact, built } = outcome
    return { function: name, artifact, built: built && first, ms: performance.now() - start }
  })
  await memory.save(context.tree)
  return results
}

type Outcome = { artifact: Artifact; built: boolean } | { findings: Finding[] }

async function buildOne(
  code: string,
  {
    tree,
    dependencies,
    memory,
    store,
  }: { tree: Tree; dependencies: Dependencies; memory: Memory; store: string },
): Promise<Outcome> {
  const digest = await memory.recall(tree, code, dependencies.digest)
  const kept = digest && (await findArtifact(store, digest))
  if (kept) {
    await markUsed(kept.path).catch(() => {}) // a store that can't be written serves all the same
    return { artifact: kept, built: false }
  }
  const startedAt = Date.now()
  const bundled = await bundle(tree.root, code, dependencies)
  if ('findings' in bundled) return bundled
  const { files, inputs, packages, metafile } = bundled
  const outcome = await keepArtifact(store, { toolchain, files, inputs, packages })
  await memory.remember(tree, code, {
    metafile,
    digest: outcome.artifact.digest,
    startedAt,
    ...(dependencies.digest && { dependencies: dependencies.digest }),
  })
  return outcome
}

/** In order, a bounded number at a time. */
async function eachOf<Item, Result>(items: Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = []
  let next = 0
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) {
      results[i] = await work(items[i]!)
      await setImmediate() // lets others run, where work was all synchronous
    }
  }
  await Promise.all(Array.from({ length: 4 * availableParallelism() }, worker))
  return results
}
