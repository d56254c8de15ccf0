import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { build, hostBundle } from '../../builder/index.ts'
import { sheltered } from '../../controller/adaptation/refuge.ts'
import { carriedBy } from '../../controller/carriers.ts'
import { describe, nodeOf, type Change as PlannedChange } from '../../controller/change.ts'
import { type Desired, desire } from '../../controller/desired.ts'
import { overridden } from '../../controller/overrides.ts'
import { withPins } from '../../controller/pins.ts'
import { type Observed, plan } from '../../controller/plan.ts'
import { settle } from '../../controller/settle.ts'
import { discover, type Finding, type Flow, load, Problem } from '../../schema/index.ts'
import type { Running, Target } from '../api/target.ts'
import { git } from '../git.ts'
import { stateFolder } from '../state.ts'
import { type Change, rewired } from './rewired.ts'

export interface Difference {
  name: string
  /** Relative to the compared folder. */
  folder: string
  changes: Change[]
  findings: Finding[]
}

/** What a push of the tree would change of what a controller runs, one entry for each dataflow in it. */
export async function compare(dir: string, target: Target, state?: string): Promise<Difference[]> {
  const folders = await discover(dir)
  if (folders.length === 0) throw new Problem('NoDataflow', `there is no dataflow.yaml under ${dir}`)
  const root = await git(dir, 'rev-parse', '--show-toplevel').catch(() => dir)
  const own = join(stateFolder(state, dir), 'store')
  const store = existsSync(own) ? own : await mkdtemp(join(tmpdir(), 'dyninka-diff-'))
  try {
    const differences: Difference[] = []
    for (const folder of folders) {
      const { flow, findings } = await load(join(dir, folder))
      if (!flow) differences.push({ name: basename(join(dir, folder)), folder, changes: [], findings })
      else {
        const observed = await target.running(flow.name)
        differences.push({
          name: flow.name,
          folder,
          ...(await changesOf(flow, observed, { root, dir: join(dir, folder), store })),
        })
      }
    }
    return differences
  } finally {
    if (store !== own) await rm(store, { recursive: true, force: true })
  }
}

const steps: PlannedChange['action'][] = ['publish', 'discard', 'repartition', 'begin', 'leave']

async function changesOf(
  flow: Flow,
  observed: Running,
  { root, dir, store }: { root: string; dir: string; store: string },
): Promise<Pick<Difference, 'changes' | 'findings'>> {
  const functions = flow.nodes
    .filter(node => node.kind === 'function')
    .map(({ name, code }) => ({ name, code }))
  const [own, results] = await Promise.all([hostBundle(store), build({ root, dir, functions, store })])
  // A push brings no other host than the one that the controller has.
  const runtime = { ...own, digest: runtimeOf(observed) ?? own.digest }
  const artifacts = Object.fromEntries(
    results.flatMap(r => ('artifact' in r ? [[r.function, r.artifact]] : [])),
  )
  const wanted: Desired = desire({
    flow: sheltered(overridden(flow, observed.switches), observed.refuges),
    artifacts,
    runtime,
    secretDigests: observed.secretDigests ?? {},
    scales: observed.scales ?? {},
    ...(observed.brokersDigest !== undefined && { brokers: observed.brokersDigest }),
  })
  const desired = carriedBy(settle(withPins(wanted, observed.pins ?? {}, store), observed), observed)
  return {
    changes: [
      // Wiring and clean-up come in steps that wait for each other: `rewired` says where they end.
      ...plan(desired, observed)
        .filter(({ action }) => !steps.includes(action))
        .filter(change => nodeOf(change) in desired.contents)
        .map(change => told(change, observed)),
      ...asleep(desired, observed.artifacts ?? {}),
      ...rewired(desired, observed),
    ],
    findings: results.flatMap(result => ('findings' in result ? result.findings : [])),
  }
}

/** Digest of the host that all run on; undefined where there is none, or not one alone. */
function runtimeOf({ hosts }: Pick<Observed, 'hosts'>): string | undefined {
  const [digest, ...others] = new Set(hosts.map(({ runtime }) => runtime))
  return others.length === 0 ? digest : undefined
}

/** A host of a newer generation takes the place of those that run. */
function told(change: PlannedChange, { hosts }: Observed): Change {
  if (change.action !== 'start') return { action: change.action, description: describe(change) }
  const { workload, generation, place } = change.spec
  const replaces = hosts.some(host => host.node === workload.node && host.generation < generation)
  if (!replaces) return { action: 'start', description: describe(change) }
  const where = place === '' ? '' : `, on ${place}`
  return { action: 'swap', description: `swap ${workload.node} for generation ${generation}${where}` }
}

/** New code of functions that have no host, since there is no work for them. */
const asleep = ({ workloads }: Desired, before: Record<string, string>): Change[] =>
  workloads
    .filter(({ node, replicas, artifact }) => replicas === 0 && before[node] !== artifact)
    .map(({ node, artifact }) => ({
      action: 'update',
      description: `update ${node} (${artifact.slice(0, 'sha256:'.length + 12)}): it starts when there is work`,
    }))
