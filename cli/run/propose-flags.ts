import { type Command, InvalidArgumentError } from 'commander'
import type { Proposing } from '../../controller/options.ts'
import type { DecisionRules } from '../../controller/placement/decision.ts'
import { duration } from '../duration.ts'
import { prometheusOption } from '../telemetry/prometheus-option.ts'

export interface ProposeFlags {
  propose?: true
  label?: string[]
  reviewer?: string[]
  draft?: true
  branchPrefix?: string
  commitMessage?: string
  every?: number
  holding?: number
  threshold?: number
  cooldown?: number
  horizon?: number
  settle?: number
  /** By URL; an empty one is the dataflow's own. */
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
    .option(
      '--branch-prefix <TEXT>',
      'of its branch; the name of the dataflow follows (default: dyninka/)',
      prefix,
    )
    .option(
      '--commit-message <TEXT>',
      'of its commit, where {title} and {moves} are filled in (default: {title})',
    )
    .addOption(prometheusOption())
    .option(
      '--holding <WINDOWS>',
      'newest windows in a row in which a move has to save something (default: 5)',
      atLeastOne,
    )
    .option('--threshold <PERCENT>', 'share of what runs now that a move has to save (default: 5)', percent)
    .option('--cooldown <DURATION>', 'after the last move (default: 30m)', duration)
    .option('--horizon <DURATION>', 'over how long a move has to pay (default: 24h)', horizon)
    .option(
      '--broker-zone <ZONE>',
      'where the broker is; URL=ZONE for another one that a source or sink uses; may be repeated',
      brokerZone,
    )

/** Of a command that goes on proposing. */
export const steadyProposeOptions = (to: Command): Command =>
  to
    .option('--every <DURATION>', 'between two looks at what was measured (default: 10m)', duration)
    .option(
      '--settle <DURATION>',
      'after a merge, before what is measured tells what came of it (default: 2m)',
      duration,
    )

/** What a suggestion has to hold against. */
export const rulesOf = ({ holding, threshold, cooldown }: ProposeFlags): Partial<DecisionRules> => ({
  ...(holding !== undefined && { windows: holding }),
  ...(threshold !== undefined && { threshold: threshold / 100 }),
  ...(cooldown !== undefined && { cooldownMs: cooldown }),
})

/** Over how long a move has to pay, where that is given. */
export const horizonOf = ({ horizon }: ProposeFlags) =>
  horizon === undefined ? {} : { horizonHours: horizon / 3_600_000 }

export const proposingOf = ({
  label,
  reviewer,
  draft,
  branchPrefix,
  commitMessage,
  brokerZone,
  prometheus,
  every,
  settle,
  ...rules
}: ProposeFlags): Proposing => ({
  ...(every !== undefined && { everyMs: every }),
  ...(settle !== undefined && { settlingMs: settle }),
  rules: rulesOf(rules),
  ...horizonOf(rules),
  ...(label && { labels: label }),
  ...(reviewer && { reviewers: reviewer }),
  ...(draft && { isDraft: draft }),
  ...(branchPrefix !== undefined && { branchPrefix }),
  ...(commitMessage !== undefined && { commitMessage }),
  ...(brokerZone && { brokerZones: brokerZone }),
  ...(prometheus !== undefined && { prometheus }),
})

export function atLeastOne(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 1) return value
  throw new InvalidArgumentError('It is a number from 1.')
}

function percent(text: string): number {
  const value = Number(text.replace(/%$/, ''))
  if (/^[0-9.]+%?$/.test(text) && value >= 0 && value < 100) return value
  throw new InvalidArgumentError('It is a share such as 5 or 5%.')
}

function horizon(text: string): number {
  const ms = duration(text)
  if (ms > 0) return ms
  throw new InvalidArgumentError('It takes some time for a move to pay.')
}

const several = (text: string, before: string[] = []) => [...before, text]

/** What Git takes as the beginning of a branch's name. [git-check-ref-format] */
function prefix(text: string): string {
  const isGood = /^[\w-][\w./-]*$/.test(text) && !/\.\.|\/\/|\/\.|\.lock\//.test(text)
  if (isGood && !text.startsWith('-')) return text
  throw new InvalidArgumentError('It is like dyninka/ or bot/placement-.')
}

function brokerZone(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.lastIndexOf('=')
  const [url, zone] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)]
  if ((at < 0 || /^\w+:\/\/./.test(url)) && zone !== '') return { ...before, [url]: zone }
  throw new InvalidArgumentError('It is like edge-lyon, or mqtt://broker.example:1883=edge-lyon.')
}
