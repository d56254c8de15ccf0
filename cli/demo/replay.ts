import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** `replay.json` of an example: what to send where. */
interface Plan {
  topic: string
  /** NDJSON, one record a line. */
  file: string
  perSecond: number
  /** Field with the event time; moved on by a year each time the file starts again. */
  time: string
}

type Row = Record<string, unknown>

/** Sends recorded data as the thing that it was recorded from did. The field `time` tells records apart. */
export class Replay {
  readonly sent = new Set<string>()
  readonly #plan: Plan
  readonly #rows: Row[]

  private constructor(plan: Plan, rows: Row[]) {
    this.#plan = plan
    this.#rows = rows
  }

  static async read(dir: string): Promise<Replay> {
    const plan = JSON.parse(await readFile(join(dir, 'replay.json'), 'utf8')) as Plan
    const lines = (await readFile(join(dir, plan.file), 'utf8')).split('\n').filter(Boolean)
    return new Replay(
      plan,
      lines.map(line => JSON.parse(line) as Row),
    )
  }

  /** Until the signal aborts. @param publish resolves once the broker has taken the record over */
  async run(
    publish: (topic: string, payload: string) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const { topic, perSecond, time } = this.#plan
    for (let n = 0; !signal.aborted; n++) {
      const row = this.#rows[n % this.#rows.length]!
      const at = later(String(row[time]), Math.floor(n / this.#rows.length))
      this.sent.add(at)
      await publish(topic, JSON.stringify({ ...row, [time]: at }))
      await sleep(1000 / perSecond, undefined, { signal }).catch(() => {})
    }
  }
}

/** `2012-02-29` and one year: `2013-02-29`, which is no day, but differs from all others. */
const later = (date: string, years: number) => `${Number(date.slice(0, 4)) + years}${date.slice(4)}`
