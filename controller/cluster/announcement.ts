import type { Finding } from '../../schema/finding.ts'
import type { ControllerEvent } from '../options.ts'
import { withHint } from './hints.ts'

/** What a person would want to be told of a Dataflow. */
export interface Announcement {
  type: 'Normal' | 'Warning'
  /** CamelCase. */
  reason: string
  /** What the controller did, or tried to do. */
  action: 'Deploy' | 'Fetch' | 'Build' | 'Run' | 'Scale' | 'Prune' | 'Report'
  note: string
  /** Tells it apart from others of the same reason: whoever announces the same again says nothing new. */
  of: string
  /** It may end and come again, and that is news. */
  isRecurring?: true
}

const actions = { 'source-failed': 'Fetch', 'pass-failed': 'Deploy', 'report-failed': 'Report' } as const

/** @returns undefined for what is a step on the way, and seen in the status */
export function announcementOf(event: ControllerEvent): Announcement | undefined {
  switch (event.type) {
    case 'ready':
      return {
        type: 'Normal',
        reason: 'Ready',
        action: 'Deploy',
        note: `${event.flow} runs ${event.revision}, ${(event.ms / 1000).toFixed(1)} s after it was seen`,
        of: event.revision,
      }
    case 'findings':
      return {
        type: 'Warning',
        reason: 'InvalidRevision',
        action: 'Deploy',
        note: withHint(
          'InvalidRevision',
          `${event.revision} is refused, what ran keeps running: ${listed(event.findings)}`,
        ),
        of: event.revision,
      }
    case 'build-failed':
      return {
        type: 'Warning',
        reason: 'BuildFailed',
        action: 'Build',
        note: withHint('BuildFailed', `${event.function} can't be built: ${listed(event.findings)}`),
        of: `${event.function} ${listed(event.findings)}`,
        isRecurring: true,
      }
    case 'failed':
      return {
        type: 'Warning',
        reason: 'FunctionFailed',
        action: 'Run',
        note: withHint('FunctionFailed', `${event.function}: ${event.message}`),
        of: `${event.function} ${event.message}`,
        isRecurring: true,
      }
    case 'pinned':
      return {
        type: 'Warning',
        reason: 'FunctionPinned',
        action: 'Deploy',
        note: withHint(
          'FunctionPinned',
          `${event.function} stays what it was before ${event.revision}: mend it and push. What did not start: ${event.message}`,
        ),
        of: `${event.function} ${event.revision}`,
        isRecurring: true,
      }
    case 'source-failed':
    case 'pass-failed':
    case 'report-failed':
      return {
        type: 'Warning',
        reason: event.reason,
        action: actions[event.type],
        note: withHint(event.reason, event.message, event.hint),
        of: failureOf(event),
        isRecurring: true,
      }
    case 'dead-letters':
      return {
        type: 'Warning',
        reason: 'DeadLetters',
        action: 'Run',
        note: `${event.function} has given up ${event.count} records. See \`dyninka dead list\`; mend it, push, and replay them.`,
        of: event.function,
        isRecurring: true,
      }
    case 'scaled':
      return {
        type: 'Normal',
        reason: 'Scaled',
        action: 'Scale',
        note: `${event.function}: ${event.reason}`,
        of: `${event.function} ${event.hosts}`,
        isRecurring: true,
      }
    case 'relocated':
      return {
        type: 'Normal',
        reason: 'Relocated',
        action: 'Run',
        note: `${event.function} ${event.stays ? 'stays in' : 'goes to'} ${event.to}: ${event.reason}`,
        of: `${event.function} ${event.to} ${event.reason}`,
        isRecurring: true,
      }
    case 'zone-broker':
      return {
        type: event.isAway ? 'Warning' : 'Normal',
        reason: event.isAway ? 'ZoneBrokerAway' : 'ZoneBrokerBack',
        action: 'Run',
        note: event.isAway
          ? `the broker of zone ${event.zone}, ${event.url}, does not answer: what goes by it waits, the rest goes on`
          : `the broker of zone ${event.zone}, ${event.url}, answers again`,
        of: event.zone,
        isRecurring: true,
      }
    case 'suggested':
      return {
        type: 'Normal',
        reason: 'Suggested',
        action: 'Report',
        note: `a pull request was ${event.state}: ${event.url}`,
        of: `${event.state} ${event.url}`,
        isRecurring: true,
      }
    case 'pruned':
      return {
        type: 'Normal',
        reason: 'Pruned',
        action: 'Prune',
        note: `nothing is left of ${event.function ?? event.flow}`,
        of: event.function ?? event.flow,
        isRecurring: true,
      }
    default:
      return undefined
  }
}

/** What a failure is of, whatever its reason. */
export const failureOf = ({ type, ...event }: { type: string; subject?: string }) =>
  event.subject === undefined ? type : `${type} ${event.subject}`

const shown = 3

function listed(findings: Finding[]): string {
  const each = findings.map(({ file, line, column, message }) => `${file}:${line}:${column} ${message}`)
  const more = each.length > shown ? [`and ${each.length - shown} more`] : []
  return [...each.slice(0, shown), ...more].join('; ')
}
