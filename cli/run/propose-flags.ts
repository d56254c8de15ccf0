import { type Command, InvalidArgumentError } from 'commander'
import type { Proposing } from '../../controller/options.ts'
import { prometheusOption } from '../telemetry/prometheus-option.ts'

export interface ProposeFlags {
  propose?: true
  label?: string[]
  reviewer?: string[]
  draft?: true
  brokerZone?: Record<string, string>
  prometheus?: string
}

/** The options of a command that may open pull requests. @param what --propose does */
export const proposeOptions = (to: Command, what: string): Command =>
  to
    .option('--propose', what)
    .option('--label <NAME>', 'label of the pull request; may be repeated', several)
    .option('--reviewer <LOGIN>', 'who is asked for a review; may be repeated', several)
    .option('--draft', 'open it as a draft')
    .addOption(prometheusOption())
    .option('--broker-zone <URL=ZONE>', 'where a broker is, if nothing tells; may be repeated', brokerZone)

export const proposingOf = ({ label, reviewer, draft, brokerZone, prometheus }: ProposeFlags): Proposing => ({
  ...(label && { labels: label }),
  ...(reviewer && { reviewers: reviewer }),
  ...(draft && { isDraft: draft }),
  ...(brokerZone && { brokerZones: brokerZone }),
  ...(prometheus !== undefined && { prometheus }),
})

const several = (text: string, before: string[] = []) => [...before, text]

function brokerZone(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [url, zone] = [text.slice(0, text.lastIndexOf('=')), text.slice(text.lastIndexOf('=') + 1)]
  if (/^\w+:\/\/./.test(url) && zone !== '') return { ...before, [url]: zone }
  throw new InvalidArgumentError('It is like mqtt://broker.example:1883=edge-lyon.')
}
