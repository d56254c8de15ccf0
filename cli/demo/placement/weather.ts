import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Plan {
  topic: string
  /** NDJSON, one record a line. */
  file: string
  perSecond: number
}

interface Row {
  /** Nothing comes of a device that is on no list. */
  key?: string
  payload: string
}

const [dayMs, days] = [86_400_000, 90]

/** Sends the weather of two stations as their gateways did, ninety days of it again and again, each time ninety days later.
 *  Whatever comes out is known by its device and time. */
export class Weather {
  /** When each was sent, by `performance.now()`. */
  readonly sent = new Map<string, number>()
  readonly #streams: { topic: string; perSecond: number; lines: unknown[] }[]

  private constructor(streams: { topic: string; perSecond: number; lines: unknown[] }[]) {
    this.#streams = streams
  }

  /** @param dir of the dataflow, with its `replay.json` */
  static async read(dir: string): Promise<Weather> {
    const plans = JSON.parse(await readFile(join(dir, 'replay.json'), 'utf8')) as Plan[]
    const streams = plans.map(async ({ topic, file, perSecond }) => {
      const text = await readFile(join(dir, file), 'utf8')
      return {
        topic,
        perSecond,
        lines: text
          .trim()
          .split('\n')
          .map(line => JSON.parse(line) as unknown),
      }
    })
    return new Weather(await Promise.all(streams))
  }

  /** Until the signal aborts. @param publish resolves once the broker has taken the record over */
  async run(
    publish: (topic: string, payload: string) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    await Promise.all(
      this.#streams.map(async ({ topic, perSecond, lines }) => {
        for (let n = 0; !signal.aborted; n++) {
          const { key, payload } = rowOf(lines[n % lines.length], Math.floor(n / lines.length) * days)
          if (key !== undefined) this.sent.set(key, performance.now())
          await publish(topic, payload)
          await sleep(1000 / perSecond, undefined, { signal }).catch(() => {})
        }
      }),
    )
  }
}

/** A line of CSV or a SenML pack, so many days later. */
function rowOf(line: unknown, later: number): Row {
  if (typeof line === 'string') {
    const [location, date, ...cells] = line.split(',')
    const time = Date.parse(date!) + later * dayMs
    const moved = [location, new Date(time).toISOString().slice(0, 10), ...cells].join(',')
    const device = location!.toLowerCase().replaceAll(' ', '-')
    return { key: `${device} ${time / 1000}`, payload: JSON.stringify(moved) }
  }
  const [first, ...rest] = line as { bn: string; bt: number }[]
  const pack = [{ ...first!, bt: first!.bt + (later * dayMs) / 1000 }, ...rest]
  const device = first!.bn.replace('/', '')
  return {
    ...(device !== 'test-bench' && { key: `${device} ${pack[0]!.bt}` }),
    payload: JSON.stringify(pack),
  }
}
