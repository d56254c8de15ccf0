import type { ChildProcess } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { Problem } from '../../../schema/problem.ts'
import { identify, isAlive, type ProcessIdentity, signal } from '../../process-identity.ts'
import { logText, parseLine } from '../log-line.ts'
import type { ObservedHost } from '../orchestrator.ts'
import { tail } from './host-log.ts'
import type { HostRecord } from './host-record.ts'
import { nameOf } from './host-record.ts'

export interface Supervision {
  logOf(record: HostRecord): string
  launch(record: HostRecord): ChildProcess
  save(record: HostRecord): void
  /** The host was stopped as asked, and is gone. */
  ended(host: SupervisedHost): void
  changed(flow: string): void
}

const killAfterMs = 7_000
const healthyAfterMs = 60_000
const restartDelaysMs = [0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000]
const logLines = 20

/** One replica: its process is started again whenever it ends, until it is stopped. */
export class SupervisedHost {
  readonly record: HostRecord
  readonly name: string
  #supervision: Supervision
  #phase: ObservedHost['phase'] = 'running'
  #restart?: NodeJS.Timeout
  #kill?: NodeJS.Timeout
  #released = false
  /** Its end comes as an event. */
  #isChild = false
  #killedFor?: string
  /** When we started or adopted its process, by `performance.now()`: the clock of `startedAt` may be set. */
  #since = performance.now()

  constructor(record: HostRecord, supervision: Supervision) {
    this.record = record
    this.name = nameOf(record.spec.workload.node, record.spec.generation, record.spec.replica)
    this.#supervision = supervision
  }

  get flow() {
    return this.record.spec.workload.flow
  }

  start(): void {
    const { record } = this
    record.id = `${this.name}-${randomUUID().slice(0, 8)}`
    delete record.process
    this.#phase = 'running'
    let child: ChildProcess
    try {
      this.#supervision.save(record) // before the process exists: what runs is never unknown
      child = this.#supervision.launch(record)
    } catch (error) {
      this.#ended((error as Error).message)
      return
    }
    this.#isChild = true
    this.#since = performance.now()
    const identity = child.pid === undefined ? undefined : identify(child.pid)
    child.once('error', error => this.#onEnd(identity, error.message))
    child.once('exit', (code, name) =>
      this.#onEnd(identity, name ? `killed by ${name}` : `exit code ${code}`),
    )
    if (!identity) return
    record.process = identity
    record.startedAt = new Date().toISOString()
    this.#trySave()
  }

  /** Goes on with a process that an earlier controller started. */
  adopt(running?: ProcessIdentity): void {
    if (running) this.record.process = running
    if (this.record.stopping) this.stop()
    else this.check()
  }

  /** Notices the end of a process that is no child of ours. */
  check(): void {
    const { process } = this.record
    if (this.#phase === 'backoff' || this.#released) return
    if (!this.#isChild && (!process || !isAlive(process)))
      this.#onEnd(process, 'ended while the controller was away')
    else this.#forgiveWhenHealthy()
  }

  stop(): void {
    const { record } = this
    if (!record.stopping) {
      record.stopping = true
      this.#trySave()
    }
    this.#phase = 'stopping'
    clearTimeout(this.#restart)
    const { process } = record
    if (!process || !isAlive(process)) {
      this.#gone()
      return
    }
    signal(process, 'SIGTERM')
    this.#kill ??= setTimeout(() => signal(process, 'SIGKILL'), killAfterMs).unref()
  }

  /** Ends the process at once; it comes back like after a crash. */
  kill(reason: string): void {
    if (this.#phase !== 'running' || !this.record.process) return
    this.#killedFor = reason
    signal(this.record.process, 'SIGKILL')
  }

  /** Lets the process run on, unwatched. */
  release(): void {
    this.#released = true
    clearTimeout(this.#restart)
    clearTimeout(this.#kill)
  }

  observe(): ObservedHost {
    const { spec, id, process, startedAt, failures, lastExit } = this.record
    return {
      flow: this.flow,
      node: spec.workload.node,
      generation: spec.generation,
      replica: spec.replica,
      fingerprint: spec.workload.fingerprint,
      artifact: spec.workload.artifact,
      runtime: spec.workload.runtime,
      place: spec.place,
      id,
      ...(process && { pid: process.pid }),
      ...(startedAt && { startedAt }),
      phase: this.#phase,
      failures,
      ...(lastExit && { lastExit }),
    }
  }

  #onEnd(identity: ProcessIdentity | undefined, how: string) {
    if (this.#released || identity?.pid !== this.record.process?.pid || this.#phase === 'backoff') return
    if (this.record.stopping) return this.#gone()
    this.#forgiveWhenHealthy()
    this.#ended(this.#killedFor ?? how)
    this.#killedFor = undefined
  }

  #ended(reason: string) {
    const { record } = this
    const delayMs = restartDelaysMs[Math.min(record.failures, restartDelaysMs.length - 1)]!
    record.failures += 1
    record.lastExit = { at: new Date().toISOString(), reason, log: this.#lastWords() }
    delete record.process
    this.#trySave()
    this.#phase = 'backoff'
    this.#restart = setTimeout(() => this.start(), delayMs).unref()
    this.#supervision.changed(this.flow)
  }

  /** A full disk must not end the controller: what it would say of a host is found out again after a restart. */
  #trySave() {
    try {
      this.#supervision.save(this.record)
    } catch (error) {
      if (!(error instanceof Problem)) throw error
    }
  }

  #gone() {
    this.release()
    this.#supervision.ended(this)
  }

  #forgiveWhenHealthy() {
    const { record } = this
    if (performance.now() - this.#since > healthyAfterMs) record.failures = 0
  }

  /** Of this process alone: the log may begin with those before it. */
  #lastWords(): string[] {
    const since = this.record.startedAt ? Date.parse(this.record.startedAt) - 1_000 : 0
    return tail(this.#supervision.logOf(this.record), logLines)
      .lines.map(line => parseLine(line, this.record.spec.workload.node, this.name))
      .filter(({ time }) => time >= since)
      .map(logText)
  }
}
