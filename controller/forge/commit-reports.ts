import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import type { Dataflow } from '../dataflow.ts'
import type { ControllerEvent } from '../options.ts'
import { WorkQueue } from '../work-queue.ts'
import { type CommitStatus, type Forge, maxDescription } from './forge.ts'
import { type Verdict, verdictOf } from './verdict.ts'

interface Wanted {
  dataflow: Dataflow
  verdict: Verdict
  /** What the forge was told last. */
  told?: Verdict
}

/** Keeps a status beside the newest commit for each dataflow. What the forge can't take now it gets later; nothing else
 *  waits for it. */
export class CommitReports {
  #forge: Forge
  #log: Logger
  #emit: (event: ControllerEvent) => void
  #onTrouble: () => void
  #wanted = new Map<string, Wanted>()
  #queue: WorkQueue
  #closing = new AbortController()

  constructor(
    forge: Forge,
    { log, emit, onTrouble }: { log: Logger; emit(event: ControllerEvent): void; onTrouble(): void },
  ) {
    this.#forge = forge
    this.#log = log
    this.#emit = emit
    this.#onTrouble = onTrouble
    this.#queue = new WorkQueue(
      context => this.#report(context),
      (context, error) => this.#failed(context, error),
    )
  }

  /** After each pass. */
  after(dataflow: Dataflow): void {
    const verdict = verdictOf(dataflow)
    if (!verdict) return
    const context = `dyninka/${dataflow.name}`
    const before = this.#wanted.get(context)
    if (before?.verdict.commit === verdict.commit && isSame(before.verdict, verdict)) return
    this.#wanted.set(context, { ...before, dataflow, verdict })
    this.#queue.add(context)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#queue.close()
  }

  async #report(context: string): Promise<undefined> {
    const { verdict, told, dataflow } = this.#wanted.get(context)!
    if (told?.state === 'pending' && told.commit !== verdict.commit) {
      const description = `${verdict.commit.slice(0, 7)} came before all of it ran`
      await this.#set(told.commit, { context, state: 'error', description })
    }
    await this.#set(verdict.commit, this.#statusOf(context, verdict))
    this.#wanted.get(context)!.told = verdict
    if (!dataflow.conditions.get('Unreported')) return
    dataflow.conditions.remove('Unreported')
    this.#onTrouble()
  }

  /** An earlier controller may have said so already. */
  async #set(commit: string, status: CommitStatus): Promise<void> {
    const { signal } = this.#closing
    const known = await this.#forge.commitStatus(commit, status.context, signal)
    if (known && isSame(known, status)) return
    await this.#forge.setCommitStatus(commit, status, signal)
  }

  #statusOf(context: string, { commit, state, description, file }: Verdict): CommitStatus {
    return {
      context,
      state,
      description: cut(description),
      ...(file && { url: this.#forge.fileUrl(commit, file.path, file.line) }),
    }
  }

  #failed(context: string, error: unknown): void {
    if (this.#closing.signal.aborted) return
    const { dataflow } = this.#wanted.get(context)!
    const {
      reason,
      message,
      hint = '',
    } = error instanceof Problem ? error : new Problem('InternalError', (error as Error).message)
    const isKnown = dataflow.conditions.get('Unreported')?.reason === reason
    dataflow.conditions.set('Unreported', 'True', reason, message, hint)
    this.#log.warn({ context, reason, err: error }, 'a commit status could not be set')
    if (isKnown) return
    this.#emit({ type: 'report-failed', flow: dataflow.name, reason, message, ...(hint && { hint }) })
    this.#onTrouble()
  }
}

/** It would be told each time that a host has ended once more. */
const isSame = (a: Told, b: Told) =>
  a.state === b.state && withoutNumbers(a.description) === withoutNumbers(b.description)

type Told = Pick<CommitStatus, 'state' | 'description'>

const withoutNumbers = (text: string) => text.replaceAll(/\d+/g, '')

const cut = (text: string) => (text.length <= maxDescription ? text : `${text.slice(0, maxDescription - 1)}…`)
