import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ForgeOptions } from '../../controller/forge/forge.ts'
import type { Outcome, ProposalRules } from '../../controller/forge/proposals.ts'
import type { Move, Plan } from '../../controller/placement/advice.ts'
import type { SuggestionText } from '../../controller/placement/suggestion-text.ts'
import { editPlacement } from '../../schema/edit.ts'
import type { Flow } from '../../schema/flow.ts'
import { Problem } from '../../schema/problem.ts'
import { git } from '../git.ts'

export interface ProposeOptions {
  /** Folder of the dataflow, in a clone whose `origin` is on the forge. */
  dir: string
  forge: ForgeOptions
  rules: Omit<ProposalRules, 'again'>
  /** Default: the default branch of the remote. */
  base?: string
  signal: AbortSignal
}

const stallMs = 60_000
/** What was declined comes again when it is worth half as much more. */
const again = 0.5

/** Opens the pull request for a suggestion, or brings the one there is up to date; without a plan, takes it back.
 *  @throws Problem where the file is not as the remote has it, or Git or the forge refuses */
export async function propose(
  flow: Flow,
  suggestion: { plan: Plan; text: SuggestionText } | undefined,
  { dir, forge, rules, base, signal }: ProposeOptions,
): Promise<Outcome> {
  const { openGit, ProposalBranch, findTip } = await import('../../controller/source/index.ts')
  const { OctokitForge } = await import('../../controller/forge/octokit-forge.ts')
  const { Proposals } = await import('../../controller/forge/proposals.ts')
  const [gitDir, url, prefix] = await Promise.all([
    git(dir, 'rev-parse', '--absolute-git-dir'),
    git(dir, 'remote', 'get-url', 'origin'),
    git(dir, 'rev-parse', '--show-prefix'),
  ])
  const repository = openGit({ gitDir, stallMs })
  const branch = new ProposalBranch(repository, `dyninka/${flow.name}`)
  const proposals = new Proposals(new OctokitForge(url, forge), branch, { ...rules, again })
  if (!suggestion) return proposals.keep(undefined, signal)
  const tip = await findTip(repository, url, base, signal)
  const own = `refs/dyninka/base/${tip.branch}`
  await repository.run(
    ['fetch', '--no-tags', '--no-write-fetch-head', 'origin', `+refs/heads/${tip.branch}:${own}`],
    signal,
  )
  const path = `${prefix}dataflow.yaml`
  const before = await repository.run(['cat-file', 'blob', `${tip.commit}:${path}`], signal)
  if (before !== (await readFile(join(resolve(dir), 'dataflow.yaml'), 'utf8'))) {
    throw new Problem('FileDiffers', `${path} is not what ${tip.branch} of origin has`, {
      disposition: 'stalled',
      hint: 'Pull or push first: a pull request is made for what is there.',
    })
  }
  const { moves, decision } = suggestion.plan
  return proposals.keep(
    {
      digest: createHash('sha256')
        .update(JSON.stringify(moves.map(decisionOf(flow))))
        .digest('hex')
        .slice(0, 16),
      worth: decision.benefit.mean,
      base: tip,
      path,
      before,
      text: editPlacement(before, Object.fromEntries(moves.map(decisionOf(flow)))),
      ...suggestion.text,
    },
    signal,
  )
}

/** A zone, where that says it; the node where one was decided before, or the zone stays the same. */
const decisionOf =
  ({ nodes }: Flow) =>
  ({ item, from, to }: Move): [string, { zone: string } | { node: string }] => {
    const { node } = nodes.find(({ name }) => name === item)!.placement
    return [item, node !== undefined || from?.zone === to.zone ? { node: to.node } : { zone: to.zone }]
  }
