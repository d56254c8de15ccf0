import { type Command, InvalidArgumentError } from 'commander'
import type { Proposing } from '../../controller/options.ts'

export interface ProposeFlags {
  propose?: true
  label?: string[]
  reviewer?: string[]
  draft?: true
  branchPrefix?: string
  commitMessage?: string
  brokerZone?: Record<string, string>
}

/** The options of a command that may open pull requests. @param what --propose does */
export const proposeOptions = (to: Command, what: string): Command =>
  to
    .option('--propose', what)
    .option('--label <NAME>', 'label of the pull request; may be repeated', several)
    .option('--reviewer <LOGIN>', 'who is asked for a review; may be repeated', several)
    .option('--draft', 'open it as a draft')
    .option(
      '--branch-prefix <TEXT>',
      'of its branch; the name of the dataflow follows (default: dyninka/)',
      prefix,
    )
    .option(
      '--commit-message <TEXT>',
      'of its commit, where {title} and {moves} are filled in (default: {title})',
    )
    .option('--broker-zone <URL=ZONE>', 'where a broker is, if nothing tells; may be repeated', brokerZone)

export const proposingOf = ({
  label,
  reviewer,
  draft,
  branchPrefix,
  commitMessage,
  brokerZone,
}: ProposeFlags): Proposing => ({
  ...(label && { labels: label }),
  ...(reviewer && { reviewers: reviewer }),
  ...(draft && { isDraft: draft }),
  ...(branchPrefix !== undefined && { branchPrefix }),
  ...(commitMessage !== undefined && { commitMessage }),
  ...(brokerZone && { brokerZones: brokerZone }),
})

const several = (text: string, before: string[] = []) => [...before, text]

/** What Git takes as the beginning of a branch's name. [git-check-ref-format] */
function prefix(text: string): string {
  const isGood = /^[\w-][\w./-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock\//.test(text)
  if (isGood && !text.startsWith('-')) return text
  throw new InvalidArgumentError('It is like dyninka/ or bot/placement-.')
}

function brokerZone(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [url, zone] = [text.slice(0, text.lastIndexOf('=')), text.slice(text.lastIndexOf('=') + 1)]
  if (/^\w+:\/\/./.test(url) && zone !== '') return { ...before, [url]: zone }
  throw new InvalidArgumentError('It is like mqtt://broker.example:1883=edge-lyon.')
}
