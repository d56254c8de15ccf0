import type { Logger } from 'pino'
import type { Problem } from '../../../schema/problem.ts'

const quietMs = 50
const firstWaitMs = 1_000
const maxWaitMs = 60_000
const calmAfterMs = 300_000

interface Patient {
  timer?: NodeJS.Timeout
  isRunning: boolean
  /** Something changed while it was looked at. */
  isDue: boolean
  waitMs: number
  mendedAt: number
  /** What still is wrong, for who asks. */
  trouble?: string
}

/** Looks at each key soon after something about it has changed, one look at a time. Who changes our fields again and again
 *  is answered ever more slowly: two that never agree must not keep a cluster busy. */
export class Mending {
  #look: (key: string) => Promise<string[]>
  #changed: (key: string) => void
  #log: Logger
  #patients = new Map<string, Patient>()
  #closed = false

  /** @param look puts right what is wrong, and says what that was. @param changed told when a trouble comes or goes */
  constructor(
    look: (key: string) => Promise<string[]>,
    { changed, log }: { changed(key: string): void; log: Logger },
  ) {
    this.#look = look
    this.#changed = changed
    this.#log = log
  }

  enqueue(key: string): void {
    const patient = this.#patients.get(key) ?? {
      isRunning: false,
      isDue: false,
      waitMs: 0,
      mendedAt: -Infinity,
    }
    this.#patients.set(key, patient)
    if (patient.isRunning) patient.isDue = true
    else this.#schedule(key, patient, Math.max(quietMs, patient.waitMs))
  }

  forget(key: string): void {
    clearTimeout(this.#patients.get(key)?.timer)
    this.#patients.delete(key)
  }

  troubleOf(key: string): string | undefined {
    return this.#patients.get(key)?.trouble
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#patients.values()) clearTimeout(timer)
  }

  #schedule(key: string, patient: Patient, waitMs: number) {
    if (patient.timer || this.#closed) return
    patient.timer = setTimeout(() => {
      delete patient.timer
      void this.#run(key, patient)
    }, waitMs).unref()
  }

  async #run(key: string, patient: Patient): Promise<void> {
    patient.isRunning = true
    patient.isDue = false
    const before = patient.trouble
    let isAgain = false
    try {
      const mended = await this.#look(key)
      const now = performance.now()
      delete patient.trouble
      if (mended.length > 0) {
        this.#log.info({ function: key, mended }, 'put right what had been changed')
        const isSoon = now - patient.mendedAt < calmAfterMs
        patient.waitMs = isSoon ? Math.min(maxWaitMs, Math.max(firstWaitMs, patient.waitMs * 2)) : 0
        patient.mendedAt = now
      }
    } catch (error) {
      patient.trouble = (error as Problem).message
      patient.waitMs = Math.min(maxWaitMs, Math.max(firstWaitMs, patient.waitMs * 2))
      isAgain = true
      this.#log.warn({ function: key, err: error }, 'could not put right what had been changed')
    }
    patient.isRunning = false
    if (this.#patients.get(key) !== patient) return
    if (patient.trouble !== before) this.#changed(key)
    if (patient.isDue || isAgain) this.#schedule(key, patient, Math.max(quietMs, patient.waitMs))
  }
}
