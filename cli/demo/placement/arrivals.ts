import { setTimeout as sleep } from 'node:timers/promises'

/** Which of the records that were sent have come out, and how long they took. */
export class Arrivals {
  readonly #sent: ReadonlyMap<string, number>
  readonly #arrived = new Set<string>()
  /** Oldest first; times by `performance.now()`. */
  readonly #trips: { at: number; ms: number }[] = []
  /** Came out once more. */
  twice = 0

  constructor(sent: ReadonlyMap<string, number>) {
    this.#sent = sent
  }

  take(payload: string) {
    const { device, time } = JSON.parse(payload) as { device: string; time: number }
    const key = `${device} ${time}`
    const sentAt = this.#sent.get(key)
    if (sentAt === undefined) return
    if (this.#arrived.has(key)) this.twice++
    else this.#trips.push({ at: performance.now(), ms: performance.now() - sentAt })
    this.#arrived.add(key)
  }

  get count() {
    return this.#arrived.size
  }

  /** Median of the trips that ended in the last so many ms; undefined when there are none. */
  latencyMs(lastMs: number): number | undefined {
    const since = performance.now() - lastMs
    const trips = this.#trips.filter(({ at }) => at >= since).map(({ ms }) => ms)
    return trips.toSorted((a, b) => a - b)[trips.length >> 1]
  }

  /** Waits until all that was sent has come, or the time is over. */
  async settle(maxMs: number): Promise<void> {
    const end = performance.now() + maxMs
    while (this.#arrived.size < this.#sent.size && performance.now() < end) await sleep(50)
  }
}
