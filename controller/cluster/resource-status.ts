import type { Problem } from '../../schema/problem.ts'
import type { HistoryEntry } from '../inventory.ts'
import type { DataflowStatus } from '../status.ts'
import { withHint } from './hints.ts'
import type {
  DataflowResourceStatus,
  ResourceCondition,
  ResourceFunction,
  ZoneBrokerStatus,
} from './resource.ts'

type Trouble = Pick<Problem, 'reason' | 'message' | 'disposition' | 'hint'>

/** All that a Dataflow's status is made of. */
export interface Findings {
  generation: number
  isSuspended: boolean
  /** Why it can't be followed now; what runs keeps running. */
  trouble?: Trouble
  /** Why its repository can't be read now. */
  sourceTrouble?: Trouble
  /** Why what is said here may not all be kept. */
  definitionTrouble?: Trouble
  /** Absent until its repository was read. */
  dataflow?: DataflowStatus
  /** The annotation that was acted upon last. */
  handledReconcile?: string
  inventory?: { configMap: string; sessions: number }
  /** Absent where there are none, or nothing can be told now. */
  zoneBrokers?: ZoneBrokerStatus[]
  /** Why something waits for the broker of a zone. */
  zoneTrouble?: Trouble
}

const maxMessage = 2_000
const maxFunctionMessage = 300
const maxHistory = 5

type Given = Pick<ResourceCondition, 'status' | 'reason' | 'message'>
type Type = 'Ready' | 'Reconciling' | 'Stalled'

/** The status to write. Pure. @param before the one that is there: what can't be told anew stays
 *  @param now when it is another condition's status, RFC 3339 */
export function resourceStatus(
  findings: Findings,
  before: DataflowResourceStatus | undefined,
  now: string,
): DataflowResourceStatus {
  const { dataflow, generation, handledReconcile, inventory } = findings
  const given = findings.isSuspended ? suspended(before) : conditionsOf(findings, before)
  const handled = handledReconcile ?? before?.lastHandledReconcile
  const revision = dataflow?.revision || before?.revision
  const kept = inventory ?? before?.inventory
  // What can be told of a dataflow tells of them, too.
  const zones = findings.zoneBrokers ?? (dataflow ? undefined : before?.zoneBrokers)
  const name = (dataflow?.revision ? dataflow.name : undefined) ?? before?.dataflow
  const passing = passingOf(findings, before)
  return {
    observedGeneration: generation,
    conditions: Object.entries({ ...given, ...passing }).map(([type, { status, reason, message }]) => {
      const old = before?.conditions?.find(condition => condition.type === type)
      return {
        type,
        status,
        observedGeneration: generation,
        lastTransitionTime: old?.status === status ? old.lastTransitionTime : now,
        reason,
        message: cut(message, maxMessage),
      }
    }),
    ...(name !== undefined && { dataflow: name }),
    ...(revision !== undefined && { revision }),
    ...(handled !== undefined && { lastHandledReconcile: handled }),
    functions: dataflow?.revision ? dataflow.functions.map(functionOf) : (before?.functions ?? []),
    ...(kept && { inventory: kept }),
    ...(zones && { zoneBrokers: zones }),
    history: dataflow?.history.length
      ? dataflow.history.slice(-maxHistory).map(historyOf)
      : (before?.history ?? []),
  }
}

/** What runs keeps running, and so does what was said of it. */
function suspended(before: DataflowResourceStatus | undefined): Record<Type, Given> {
  const ready = before?.conditions?.find(({ type }) => type === 'Ready')
  const message =
    'suspended: what runs keeps running, and nothing is looked at. Set spec.suspend to false to go on.'
  return {
    Ready: ready ?? { status: 'Unknown', reason: 'Suspended', message },
    Reconciling: { status: 'False', reason: 'Suspended', message },
    Stalled: { status: 'False', reason: 'Suspended', message },
  }
}

function conditionsOf(findings: Findings, before: DataflowResourceStatus | undefined): Record<Type, Given> {
  const { dataflow, trouble, sourceTrouble, definitionTrouble } = findings
  const said = (type: Type) => dataflow?.conditions.find(condition => condition.type === type)
  const troubles = [trouble, sourceTrouble, definitionTrouble].filter(trouble => trouble !== undefined)
  const stalling = troubles.find(({ disposition }) => disposition === 'stalled')
  const passing = troubles.find(({ disposition }) => disposition !== 'stalled')
  const Stalled: Given = stalling
    ? troubled(stalling)
    : toldWith(said('Stalled'), {
        status: 'False',
        reason: 'Progressing',
        message: 'nothing is wrong so far',
      })
  const Reconciling: Given = passing
    ? troubled(passing)
    : stalling
      ? { status: 'False', reason: stalling.reason, message: 'waits for what Stalled says' }
      : toldWith(said('Reconciling'), {
          status: 'True',
          reason: 'Progressing',
          message: 'reading the repository',
        })
  return { Ready: readyOf(said('Ready'), Stalled, passing, findings, before), Reconciling, Stalled }
}

/** Ready is the newest revision that runs in full. A repository that can't be read for a while takes nothing from it. */
function readyOf(
  said: DataflowStatus['conditions'][number] | undefined,
  stalled: Given,
  passing: Trouble | undefined,
  { dataflow, generation, definitionTrouble, trouble }: Findings,
  before: DataflowResourceStatus | undefined,
): Given {
  if (trouble?.reason === 'BrokerNodeLost') return { ...troubled(trouble), status: 'False' } // nothing gets anywhere
  const known = before?.conditions?.find(({ type }) => type === 'Ready')
  const revision = dataflow?.revision || before?.revision
  const runs = revision ? ` What ran keeps running: ${revision}.` : ''
  // The others run the newest revision: what runs is said better by itself.
  if (stalled.status === 'True' && said?.reason === stalled.reason) return toldWith(said)
  if (stalled.status === 'True')
    return { status: 'False', reason: stalled.reason, message: `${ended(stalled.message)}${runs}` }
  if (said && passing) return { ...toldWith(said), message: `${said.message} (${passing.message})` }
  if (said) return toldWith(said)
  // A controller that has just started has no reason to doubt what the one before it saw.
  if (known?.status === 'True' && before?.observedGeneration === generation) return known
  const failed = dataflow?.conditions.find(({ type, hint }) => type === 'Reconciling' && hint !== undefined)
  if (failed) return { ...toldWith(failed), status: 'False' }
  if (passing && passing !== definitionTrouble)
    return { ...troubled(passing), status: 'False', message: `${troubled(passing).message}${runs}` }
  return { status: 'Unknown', reason: 'Progressing', message: `looking at what is there.${runs}` }
}

/** Those that are there only as long as they hold. */
function passingOf(
  { dataflow, zoneTrouble }: Findings,
  before: DataflowResourceStatus | undefined,
): Partial<Record<'Unheeded' | 'Unreported' | 'Displaced' | 'ZoneBrokerAway', Given>> {
  const away = dataflow
    ? zoneTrouble && troubled(zoneTrouble)
    : before?.conditions?.find(({ type }) => type === 'ZoneBrokerAway')
  const found = (['Unheeded', 'Unreported', 'Displaced'] as const).flatMap(type => {
    const said = dataflow?.conditions.find(condition => condition.type === type)
    const kept = dataflow ? undefined : before?.conditions?.find(condition => condition.type === type)
    return said ? [[type, toldWith(said)] as const] : kept ? [[type, kept] as const] : []
  })
  return { ...Object.fromEntries(found), ...(away && { ZoneBrokerAway: away }) }
}

const troubled = ({ reason, message, hint }: Trouble): Given => ({
  status: 'True',
  reason,
  message: withHint(reason, message, hint),
})

const isTrouble = (type: string, status: string) =>
  type === 'Ready' ? status === 'False' : status === 'True'

function toldWith(said: DataflowStatus['conditions'][number] | undefined, otherwise?: Given): Given {
  if (!said) return otherwise!
  const { type, status, reason, message, hint } = said
  return { status, reason, message: isTrouble(type, status) ? withHint(reason, message, hint) : message }
}

function functionOf({ name, kind, phase, artifact, message, hosts }: DataflowStatus['functions'][number]) {
  return {
    name,
    kind,
    phase,
    hosts: hosts.length,
    ...(artifact !== '' && { artifact }),
    ...(message !== undefined && { message: cut(message, maxFunctionMessage) }),
  } satisfies ResourceFunction
}

const historyOf = ({ revision, at, result, message, built, applied }: HistoryEntry) => ({
  revision,
  at,
  result,
  message: cut(message, maxFunctionMessage),
  built: built.length,
  applied: applied.length,
})

const ended = (text: string) => (/[.!?]$/.test(text) ? text : `${text}.`)
const cut = (text: string, max: number) => (text.length > max ? `${text.slice(0, max - 1)}…` : text)
