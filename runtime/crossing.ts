import type { OutputLane } from './output-lane.ts'

/** Consumers that will read an output by another broker, and the lanes on which they were sent it so far. */
export interface Crosser {
  consumers: string[]
  lanes: OutputLane[]
}

/** A broker may have lost what it was sent: it is said again, each time after twice as long, since a consumer that is stuck
 *  gets them all. */
const againMs = 10_000
const maxAgainMs = 3_600_000

/** The wait for consumers to finish what they were sent by one broker, before they are sent more by another. What an
 *  owner before has sent is not known: so a turn goes through every lane, and is waited for. */
export class Crossing {
  readonly done: Promise<void>
  #crossers: Crosser[]
  #settle = () => {}
  #timer: NodeJS.Timeout

  /** @param turn grows over all owners */
  constructor(crossers: Crosser[], turn: number) {
    this.#crossers = crossers
    this.done = new Promise(resolve => {
      this.#settle = resolve
    })
    for (const { lanes } of crossers) for (const lane of lanes) lane.turn(turn)
    this.#timer = this.#again(turn, againMs)
    this.look()
  }

  #again(turn: number, ms: number): NodeJS.Timeout {
    return setTimeout(() => {
      for (const { lanes } of this.#crossers) for (const lane of lanes) if (this.#late(lane)) lane.turn(turn)
      this.#timer = this.#again(turn, Math.min(2 * ms, maxAgainMs))
    }, ms)
  }

  /** Something was finished, or somebody is not waited for any more. */
  look() {
    if (this.waitingFor.length > 0) return
    this.close()
    this.#settle()
  }

  get waitingFor(): string[] {
    return [
      ...new Set(
        this.#crossers.flatMap(({ consumers, lanes }) =>
          consumers.filter(consumer =>
            lanes.some(lane => !lane.isLeaving(consumer) && !lane.isFinishedBy(consumer)),
          ),
        ),
      ),
    ]
  }

  close() {
    clearInterval(this.#timer)
  }

  #late = (lane: OutputLane) =>
    lane.isIdle &&
    this.#crossers.some(
      ({ consumers, lanes }) =>
        lanes.includes(lane) && consumers.some(consumer => !lane.isFinishedBy(consumer)),
    )
}
