import { type Checker, hasFault, type Verdict } from './checker.ts'
import type { Doings } from './doings.ts'
import { Load } from './load.ts'
import { type Action, type Fault, type Kind, type Plan, schedule, textOf } from './schedule.ts'

export interface LoadedRun extends Plan {
  /** Records a second at most. */
  rate: number
  /** Ends it early; what ran is removed as ever. */
  signal?: AbortSignal
  onProgress?(progress: Progress): void
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

/** A dataflow that runs somewhere, and what can be done to it. */
export interface Stand {
  /** Of the broker, for the load. */
  broker: string
  checker: Checker
  faults: {
    readonly doings: Doings
    /** The revision that was pushed last. */
    readonly commit: string | undefined
    begin(action: Action): void
    /** Once all faults are over, and all is mended that they broke. */
    over(): Promise<void>
  }
  /** How long nothing may come out. */
  patienceMs: number
  /** Waits until it runs this revision, or any. @returns false when it takes too long */
  isReady(commit: string | undefined): Promise<boolean>
  /** One line for each function: where records are stuck. */
  whereItStands(): Promise<string[]>
  /** Called while what runs is still there, when something was wrong. */
  onFailure?(): Promise<void>
}

const drainMs = 20_000

/** Sends records through it, does to it what the schedule says, and judges what came of every record. */
export async function underLoad(options: LoadedRun, stand: Stand): Promise<Report> {
  const { seed, records, rate, queue, signal, onProgress } = options
  const { checker, faults } = stand
  await using stack = new AsyncDisposableStack()
  const planned: Fault[] = schedule(options)
  const total = planned.length
  let last = ''
  const load = new Load({
    url: stand.broker,
    seed,
    records,
    rate,
    checker,
    isOutside: queue !== undefined,
    ...(signal && { signal }),
    onRecord(sent) {
      while (planned[0] && planned[0].at <= sent) {
        const fault = planned.shift()!
        last = textOf(fault)
        faults.begin(fault)
      }
      onProgress?.({ sent, delivered: checker.delivered, faults: total - planned.length, last })
    },
  })
  await load.open()
  stack.defer(() => load.close())
  if (!(await stand.isReady(undefined))) {
    await stand.onFailure?.()
    throw new Error(['the dataflow does not get ready', ...(await stand.whereItStands())].join('\n'))
  }
  const start = performance.now()
  await load.run(stand.patienceMs)
  const seconds = Math.round((performance.now() - start) / 100) / 10
  const longestSilence = Math.round(load.longestSilenceMs / 100) / 10
  await faults.over()
  if (signal?.aborted) await load.drain(drainMs)
  const ready = !signal?.aborted && (await stand.isReady(faults.commit))
  const verdict = checker.verdict()
  const { counts, failures } = faults.doings
  const problems = [...verdict.problems, ...failures.map(text => `the test itself: ${text}`)]
  if (!ready && !signal?.aborted) problems.push('the controller does not get ready for the last revision')
  const ok = !hasFault(verdict) && ready && failures.length === 0 && verdict.sent === records
  if (!ok && !signal?.aborted) {
    problems.push(...(await stand.whereItStands()))
    await stand.onFailure?.()
  }
  return { ...verdict, problems, faults: counts, ready, seconds, longestSilence, ok }
}
