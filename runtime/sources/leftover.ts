import { matches } from '../topic-filter.ts'

const tickMs = 100
/** For a second nothing came: whoever had some would have brought it. */
const quietTicks = 10
/** Messages of other filters in a tick, with which a broker that brings one at a time may bring nothing else. */
const manyOthers = 5
/** Who publishes may go on for ever: a minute in which some came is enough. */
const busyTicks = 600

/** What a feed has read so far, in messages. */
export interface Reading {
  came: number
  /** In the order in which they came. */
  acknowledged: number
  isPaused: boolean
}

/** What waits under filters that are to be read no more, at a broker that would delete it with their subscriptions. */
export class Leftover {
  /** Resolves once nothing more comes, or, with `false`, enough has. */
  readonly read: Promise<boolean>
  #filters: string[]
  #reading: Reading
  /** The place of the latest of them among all that came. */
  #latest: number
  #hasCome = false
  #before: number
  #quiet = 0
  #busy = 0
  #timer: NodeJS.Timeout
  #done!: (isAll: boolean) => void

  constructor(filters: string[], reading: Reading) {
    this.#filters = filters
    this.#reading = reading
    this.#latest = this.#before = reading.came
    this.read = new Promise(resolve => {
      this.#done = resolve
    })
    this.#timer = setInterval(() => this.#look(), tickMs)
  }

  /** A message has. */
  came(topic: string) {
    if (!this.#filters.some(filter => matches(filter, topic))) return
    this.#latest = this.#reading.came
    this.#hasCome = true
  }

  /** It is not waited for any more. */
  close() {
    clearInterval(this.#timer)
  }

  #look() {
    const { came, acknowledged, isPaused } = this.#reading
    const isBusy = this.#hasCome || came - this.#before >= manyOthers
    this.#before = came
    this.#hasCome = false
    if (isBusy) this.#busy += 1
    // Some brokers bring nothing more until the latest is acknowledged.
    this.#quiet = isBusy || isPaused || acknowledged < this.#latest ? 0 : this.#quiet + 1
    const isAll = this.#quiet >= quietTicks
    if (!isAll && this.#busy < busyTicks) return
    this.close()
    this.#done(isAll)
  }
}
