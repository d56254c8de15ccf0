import { join } from 'node:path'
import type { Finding } from '../../schema/finding.ts'
import type { Flow } from '../../schema/flow.ts'
import type { Dataflow } from '../dataflow.ts'
import type { CommitState } from './forge.ts'

/** What became of the newest commit, for a person who looks at it. */
export interface Verdict {
  commit: string
  state: CommitState
  /** One line. */
  description: string
  /** What it is about, from the root of the repository. */
  file?: { path: string; line: number }
}

/** Says of a dataflow what a commit status says. Pure. @returns undefined where there is no commit */
export function verdictOf(dataflow: Dataflow): Verdict | undefined {
  const { offered, inventory, considered, buildFailures, last, findings } = dataflow
  if (!offered?.commit || dataflow.removed) return undefined
  const { id, commit } = offered
  const say = (
    state: CommitState,
    description: string,
    finding?: Pick<Finding, 'file' | 'line'>,
  ): Verdict => ({
    commit,
    state,
    description: description.split('\n')[0]!,
    ...(finding && { file: { path: join(dataflow.folder, finding.file), line: finding.line } }),
  })
  if (considered?.split(' ')[0] !== id) return say('pending', 'it is checked and built')
  const [first, ...others] = findings
  const more = others.length > 0 ? ` (and ${others.length} more)` : ''
  if (first && inventory?.revision !== id)
    return say('failure', `${first.file}:${first.line}: ${first.message}${more}`, first)
  const unbuilt = Object.keys(buildFailures)
  if (unbuilt.length > 0)
    return say('failure', `${unbuilt.join(', ')} can't be built: ${first?.message ?? ''}${more}`, first)
  const nodes = Object.entries(last?.revision === id ? last.health.nodes : {})
  const pinned = nodes.find(([, node]) => node.pinned)
  if (pinned) return say('failure', `${pinned[0]}: ${pinned[1].message}`, codeOf(inventory!.flow, pinned[0]))
  const { result, message } = inventory?.history.findLast(({ revision }) => revision === id) ?? {}
  if (result === 'Succeeded') return say('success', `all of it runs (${countOf(inventory!.flow)})`)
  if (result === 'Failed') {
    const [failed = ''] = nodes.find(([, { phase }]) => phase === 'Failed') ?? []
    return say('failure', message!, codeOf(inventory!.flow, failed))
  }
  return say('pending', 'it is on its way')
}

/** Where a person reads on about one that does not run. */
function codeOf({ nodes }: Flow, name: string): Pick<Finding, 'file' | 'line'> {
  const node = nodes.find(each => each.name === name)
  return { file: node?.kind === 'function' ? node.code : 'dataflow.yaml', line: 1 }
}

/** As `2 functions, 1 source, 1 sink`. */
function countOf({ nodes }: Flow): string {
  const each = (['function', 'source', 'sink'] as const).map(kind => {
    const { length } = nodes.filter(node => node.kind === kind)
    return `${length} ${kind}${length === 1 ? '' : 's'}`
  })
  return each.join(', ')
}
