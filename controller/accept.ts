import { join } from 'node:path'
import { type BuildResult, build } from '../builder/index.ts'
import type { Flow } from '../schema/flow.ts'
import { type Finding, load } from '../schema/index.ts'
import { withLost } from './adaptation/adaptation.ts'
import { backoffMs } from './backoff.ts'
import type { Context } from './context.ts'
import type { Dataflow } from './dataflow.ts'
import { Gate } from './gate.ts'
import type { ArtifactRef, Inventory } from './inventory.ts'
import type { Revision } from './source/source.ts'

/** Looks at an offered revision once: loads and checks it, builds what changed, and makes it what is wanted.
 *  One that is wrong leaves all as it is, and its findings say why. @throws when it is cancelled */
export async function accept(dataflow: Dataflow, context: Context): Promise<void> {
  const { offered } = dataflow
  if (!offered || dataflow.removed) return
  const secrets = new Set(context.secrets.read().keys())
  const considered = [offered.id, ...secrets].join(' ')
  const { retry } = dataflow
  if (dataflow.considered === considered && (!retry || performance.now() < retry.at)) return
  if (dataflow.considered !== considered) delete dataflow.retry
  dataflow.accepting = new AbortController()
  const { signal } = dataflow.accepting
  try {
    const work = () => take(dataflow, offered, { considered, secrets, signal }, context)
    await (context.builds ?? unbounded).pass(work, signal)
  } finally {
    dataflow.building = []
    delete dataflow.accepting
  }
}

const unbounded = new Gate(Number.POSITIVE_INFINITY)

async function take(
  dataflow: Dataflow,
  offered: Revision,
  { considered, secrets, signal }: { considered: string; secrets: Set<string>; signal: AbortSignal },
  context: Context,
): Promise<void> {
  const dir = join(offered.tree, dataflow.folder)
  const nodes = withLost(await context.orchestrator.nodes(), dataflow.inventory?.outages)
  dataflow.conditions.set('Reconciling', 'True', 'Checking', `checking ${offered.id}`)
  const quick = await load(dir, { types: false, nodes, secrets })
  signal.throwIfAborted()
  if (quick.name !== undefined) dataflow.offeredName = quick.name
  if (!quick.flow) return refuse(dataflow, offered, quick.findings, context, considered)
  dataflow.conditions.set('Reconciling', 'True', 'Building', `building ${offered.id}`)
  // Building writes nothing but artifacts, so it needn't wait for the compiler's word on the types.
  const [checked, results] = await Promise.all([
    load(dir, { nodes, secrets }),
    buildFunctions(dataflow, quick.flow, offered, dir, context, signal),
  ])
  signal.throwIfAborted()
  if (!checked.flow) return refuse(dataflow, offered, checked.findings, context, considered)
  const taken = context.claim(dataflow, checked.flow.name)
  if (taken) return refuse(dataflow, offered, [taken], context, considered)
  adopt(dataflow, checked.flow, offered, results, context)
  retryLater(dataflow, results)
  dataflow.considered = considered
}

function refuse(
  dataflow: Dataflow,
  { id }: Revision,
  findings: Finding[],
  context: Context,
  considered: string,
): void {
  dataflow.findings = findings
  dataflow.considered = considered
  delete dataflow.retry
  const first = findings[0]!
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''
  const message = `${id} has ${findings.length} findings: ${first.file}:${first.line}:${first.column} ${first.message}${more}`
  dataflow.conditions.set('Stalled', 'True', 'InvalidRevision', message)
  context.record(dataflow, id, 'Failed', message)
  context.emit({ type: 'findings', folder: dataflow.folder, revision: id, findings })
}

/** What a revision of the history used can be had again without a build. */
function usedOf({ artifacts, history, revision }: Inventory, old?: Inventory): Record<string, string> {
  const revisions = new Set(history.map(entry => entry.revision))
  const used = Object.entries(old?.used ?? {}).filter(([, revision]) => revisions.has(revision))
  return {
    ...Object.fromEntries(used),
    ...Object.fromEntries(Object.values(artifacts).map(({ digest }) => [digest, revision])),
  }
}

/** A registry that is away needs no new revision to come back. */
function retryLater(dataflow: Dataflow, results: BuildResult[]): void {
  const isAway = results.some(
    result => 'findings' in result && result.findings.some(({ code }) => code === 'registry-unreachable'),
  )
  if (!isAway) return void delete dataflow.retry
  const failures = (dataflow.retry?.failures ?? 0) + 1
  dataflow.retry = { failures, at: performance.now() + backoffMs(failures, { firstMs: 1_000 }) }
}

async function buildFunctions(
  dataflow: Dataflow,
  flow: Flow,
  { tree }: Revision,
  dir: string,
  { store, emit }: Context,
  signal: AbortSignal,
): Promise<BuildResult[]> {
  const functions = flow.nodes.flatMap(node =>
    node.kind === 'function' ? [{ name: node.name, code: node.code }] : [],
  )
  dataflow.building = functions.map(({ name }) => name)
  emit({ type: 'building', flow: flow.name, functions: dataflow.building })
  const onProgress = (message: string) => emit({ type: 'installing', flow: flow.name, message })
  return build({ root: tree, dir, functions, store, signal, onProgress })
}

function adopt(
  dataflow: Dataflow,
  flow: Flow,
  { id }: Revision,
  results: BuildResult[],
  context: Context,
): void {
  const old = dataflow.inventory
  const artifacts: Record<string, ArtifactRef> = {}
  const built: string[] = []
  const before = old?.revision === id ? dataflow.buildFailures : {}
  dataflow.buildFailures = {}
  dataflow.findings = []
  for (const result of results) {
    const name = result.function
    if ('artifact' in result) {
      const { digest, path } = result.artifact
      artifacts[name] = { digest, path }
      if (result.built) built.push(name)
      context.emit({ type: 'built', flow: flow.name, function: name, ms: result.ms, reused: !result.built })
      continue
    }
    if (old?.artifacts[name]) artifacts[name] = old.artifacts[name]
    dataflow.findings.push(...result.findings)
    dataflow.buildFailures[name] = result.findings
      .map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
      .join('\n')
    if (before[name] === dataflow.buildFailures[name]) continue // tried again, and told already
    context.emit({ type: 'build-failed', flow: flow.name, function: name, findings: result.findings })
  }
  const failed = Object.keys(dataflow.buildFailures)
  if (failed.length === 0) dataflow.conditions.set('Stalled', 'False', 'ValidRevision', `${id} is valid`)
  else
    dataflow.conditions.set(
      'Stalled',
      'True',
      'BuildFailed',
      `${id}: ${failed.join(', ')} can't be built; see findings`,
    )
  const inventory: Inventory = {
    v: 1,
    name: flow.name,
    folder: dataflow.folder,
    revision: id,
    flow,
    artifacts,
    runtime: context.runtime,
    sessions: old?.sessions ?? {},
    ...(old?.brokers && { brokers: old.brokers }),
    ...(old?.resting && { resting: old.resting }),
    ...(old?.pins && { pins: old.pins }),
    ...(old?.switches && { switches: old.switches }),
    ...(old?.moves && old.revision === id && { moves: old.moves }),
    ...(old?.refuges && { refuges: old.refuges }),
    ...(old?.outages && { outages: old.outages }),
    history: old?.history ?? [],
  }
  inventory.used = usedOf(inventory, old)
  dataflow.inventory = inventory
  context.record(dataflow, id, 'Progressing', 'on its way', built)
}
