import type { OutputLane } from './output-lane.ts'

/** Consumers that will read an output by another broker, and the lanes on which they were sent it so far. */
export interface Crosser {
  consumers: string[]
  lanes: OutputLane[]
}

/** The wait for consumers to finish what they were sent by one broker, before they are sent more by another. What an
 *  owner before has sent is not known: so a turn goes through every lane, and is waited for. */
export class Crossing {
  readonly done: Promise<void>
  #crossers: Crosser[]
  #settle = () => {}

  /** @param turn grows over all owners */
  constructor(crossers: Crosser[], turn: number) {
    this.#crossers = crossers
    this.done = new Promise(resolve => {
      this.#settle = resolve
    })
    for (const { lanes } of crossers) for (const lane of lanes) lane.turn(turn)
    this.look()
  }

  /** Something was finished, or somebody is not waited for any more. */
  look() {
    if (this.waitingFor.length === 0) this.#settle()
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
}
