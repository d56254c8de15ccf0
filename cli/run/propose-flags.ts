import { type Command, InvalidArgumentError } from 'commander'
import type { Proposing } from '../../controller/options.ts'

export interface ProposeFlags {
  propose?: true
  label?: string[]
  reviewer?: string[]
  draft?: true
  /** By URL; an empty one is the dataflow's own. */
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
      '--broker-zone <ZONE>',
      'where the broker is; URL=ZONE for another one that a source or sink uses; may be repeated',
      brokerZone,
    )

export const proposingOf = ({ label, reviewer, draft, brokerZone }: ProposeFlags): Proposing => ({
  ...(label && { labels: label }),
  ...(reviewer && { reviewers: reviewer }),
  ...(draft && { isDraft: draft }),
  ...(brokerZone && { brokerZones: brokerZone }),
})

const several = (text: string, before: string[] = []) => [...before, text]

function brokerZone(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.lastIndexOf('=')
  const [url, zone] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
  if ((at < 0 || /^\w+:\/\/./.test(url)) && zone !== '') return { ...before, [url]: zone }
  throw new InvalidArgumentError('It is like edge-lyon, or mqtt://broker.example:1883=edge-lyon.')
}
