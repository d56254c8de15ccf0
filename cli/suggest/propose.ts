import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { ForgeOptions } from '../../controller/forge/forge.ts'
import type { Outcome, Proposal } from '../../controller/forge/proposal.ts'
import type { Proposing } from '../../controller/options.ts'
import type { Plan } from '../../controller/placement/advice.ts'
import { proposalOf } from '../../controller/placement/proposal.ts'
import type { SuggestionText } from '../../controller/placement/suggestion-text.ts'
import type { Flow } from '../../schema/flow.ts'
import { Problem } from '../../schema/problem.ts'
import { git } from '../git.ts'

export interface ProposeOptions {
  /** Folder of the dataflow, in a clone whose `origin` is on the forge. */
  dir: string
  forge: ForgeOptions
  proposing: Proposing
  /** Default: the default branch of the remote. */
  base?: string
  signal: AbortSignal
}

const stallMs = 60_000

/** Opens the pull request for a suggestion, or brings the one there is up to date; without a plan, takes it back.
 *  @throws Problem where the file is not as the remote has it, or Git or the forge refuses */
export async function propose(
  flow: Flow,
  suggestion: { plan: Plan; text: SuggestionText; telemetry: Proposal['telemetry'] } | undefined,
  { dir, forge, proposing, base, signal }: ProposeOptions,
): Promise<Outcome> {
  const { openGit, ProposalBranch, findTip, redact } = await import('../../controller/source/index.ts')
  const { OctokitForge } = await import('../../controller/forge/octokit-forge.ts')
  const { defaultPrefix } = await import('../../controller/forge/proposal.ts')
  const { checkProposal } = await import('../../controller/placement/check-proposal.ts')
  const { Proposals } = await import('../../controller/forge/proposals.ts')
  const [gitDir, url, prefix] = await Promise.all([
    git(dir, 'rev-parse', '--absolute-git-dir'),
    git(dir, 'remote', 'get-url', 'origin'),
    git(dir, 'rev-parse', '--show-prefix'),
  ])
  const repository = openGit({ gitDir, stallMs })
  const branch = new ProposalBranch(repository, `${proposing.branchPrefix ?? defaultPrefix}${flow.name}`)
  const proposals = new Proposals(new OctokitForge(url, forge), branch, proposing)
  const keep = async (proposal?: Proposal) => {
    const outcome = await proposals.keep(proposal, signal)
    await proposals.tidy(signal)
    return outcome
  }
  if (!suggestion) return keep()
  const tip = await findTip(repository, redact(url), base, signal)
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
  const { plan, text, telemetry } = suggestion
  const proposal = proposalOf(flow, plan, text, { base: tip, path, before, telemetry })
  await checkProposal(proposal, dir)
  return keep(proposal)
}
