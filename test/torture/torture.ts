import { setTimeout as sleep } from 'node:timers/promises'
import { checkBroker } from '../../controller/broker/check/check-broker.ts'
import { Controlled } from '../support/controlled.ts'
import { link } from '../support/link.ts'
import { type BrokerName, startBroker } from './broker.ts'
import { Checker, hasFault, type Verdict } from './checker.ts'
import { Dataflow } from './dataflow.ts'
import { Faults } from './faults.ts'
import { Load } from './load.ts'
import { type Fault, type Kind, type Plan, schedule, textOf } from './schedule.ts'

export interface TortureOptions extends Plan {
  broker: BrokerName
  /** Records a second at most. */
  rate: number
  /** Ends it early; what ran is removed as ever. */
  signal?: AbortSignal
  onProgress?(progress: Progress): void
  /** Called before what ran is removed, when something was wrong. */
  onFailure?(controlled: Controlled): Promise<void>
}

export interface Progress {
  sent: number
  delivered: number
  faults: number
  last: string
}

export interface Report extends Verdict {
  faults: Partial<Record<Kind, number>>
  /** The controller says Ready for the last revision in the end. */
  ready: boolean
  seconds: number
  /** For so many seconds nothing came out. */
  longestSilence: number
  ok: boolean
}

const nodes = [
  { name: 'one', zone: 'north' },
  { name: 'two', zone: 'north' },
  { name: 'three', zone: 'south' },
]
/** Longer than the longest wait of a host that is started again after it has crashed again and again. */
const patienceMs = 60_000
const readyMs = 60_000
const drainMs = 20_000

/** Dyninka does not run on this broker: there is nothing to torture. */
export class Refused extends Error {
  constructor(broker: BrokerName, cause: Error) {
    super(`Dyninka refuses to run on ${broker}: ${cause.message}`, { cause })
  }
}

/** Runs a dataflow under load, does to it what the schedule says, and judges what came of every record. */
export async function torture(options: TortureOptions): Promise<Report> {
  const { seed, records, rate, broker: name, signal, onProgress } = options
  await using stack = new AsyncDisposableStack()
  const broker = await startBroker(name)
  stack.defer(() => broker.close())
  await checkBroker(broker.url).catch((error: Error) => {
    throw new Refused(name, error)
  })
  const wire = await link(broker.url)
  stack.defer(() => wire.close())
  const dataflow = await Dataflow.create()
  stack.defer(() => dataflow.repository.remove())
  const controlled = await Controlled.over({
    repo: dataflow.repository.bare,
    branch: 'main',
    broker: wire.url,
    nodes,
  })
  stack.defer(() => controlled.remove())
  const checker = new Checker()
  const faults = new Faults({ dataflow, controlled, broker, link: wire, checker })
  const planned: Fault[] = schedule(options)
  const total = planned.length
  let last = ''
  const progress = (sent: number) =>
    onProgress?.({ sent, delivered: checker.delivered, faults: total - planned.length, last })
  const load = new Load({
    url: broker.url,
    seed,
    records,
    rate,
    checker,
    ...(signal && { signal }),
    onRecord(sent) {
      while (planned[0] && planned[0].at <= sent) {
        const fault = planned.shift()!
        last = textOf(fault)
        faults.begin(fault)
      }
      progress(sent)
    },
  })
  await load.open()
  stack.defer(() => load.close())
  if (!(await isReady(controlled, undefined)))
    throw new Error(['the dataflow does not get ready', ...(await whereItStands(controlled))].join('\n'))
  const start = performance.now()
  await load.run(patienceMs)
  const seconds = Math.round((performance.now() - start) / 100) / 10
  const longestSilence = Math.round(load.longestSilenceMs / 100) / 10
  await faults.over()
  if (signal?.aborted) await load.drain(drainMs)
  const ready = !signal?.aborted && (await isReady(controlled, faults.commit))
  const verdict = checker.verdict()
  const problems = [...verdict.problems, ...faults.failures.map(text => `the test itself: ${text}`)]
  if (!ready && !signal?.aborted) problems.push('the controller does not get ready for the last revision')
  const ok = !hasFault(verdict) && ready && faults.failures.length === 0 && verdict.sent === records
  if (!ok && !signal?.aborted) {
    problems.push(...(await whereItStands(controlled)))
    await options.onFailure?.(controlled)
  }
  return { ...verdict, problems, faults: faults.counts, ready, seconds, longestSilence, ok }
}

async function isReady(controlled: Controlled, commit: string | undefined): Promise<boolean> {
  for (const end = Date.now() + readyMs; Date.now() < end; await sleep(50)) {
    const status = await controlled.status().catch(() => undefined)
    const isTrue = status?.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (isTrue && (commit === undefined || status!.revision.includes(commit))) return true
  }
  return false
}

/** One line for each function: where records are stuck. */
async function whereItStands(controlled: Controlled): Promise<string[]> {
  const status = await controlled.status().catch(() => undefined)
  const lines = (status?.functions ?? []).map(
    ({ name, phase, message, hosts, recordsIn, recordsOut, lag, deadLetters }) =>
      `${name}: ${phase}, in ${recordsIn}, out ${recordsOut}, lag ${lag}, dead ${deadLetters}, ` +
      `hosts ${hosts.map(({ id, pid }) => `${id}(${pid ?? 'no process'})`).join(' ')} ${message ?? ''}`,
  )
  const conditions = (status?.conditions ?? []).map(condition => JSON.stringify(condition))
  return [...lines, ...conditions]
}
