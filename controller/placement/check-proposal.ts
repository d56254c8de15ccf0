import type { DeclaredNode } from '../../schema/declared-node.ts'
import { load, Problem } from '../../schema/index.ts'
import type { Proposal } from '../forge/proposal.ts'

/** Checks the file as it would be, but for types, which no move changes: nobody is asked to merge what is refused then.
 *  @param dir of the dataflow, as the base has it @param nodes that there are @throws Problem with the first finding */
export async function checkProposal(
  { path, text }: Pick<Proposal, 'path' | 'text'>,
  dir: string,
  nodes?: readonly DeclaredNode[],
): Promise<void> {
  const { findings } = await load(dir, {
    types: false,
    text: text.replace(/^\uFEFF/, ''),
    ...(nodes && { nodes }),
  })
  const [first] = findings
  if (!first) return
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more)` : ''
  throw new Problem(
    'ProposalInvalid',
    `with the change ${path} would be refused: line ${first.line}: ${first.message}${more}`,
    { disposition: 'waiting', hint: first.hint },
  )
}
