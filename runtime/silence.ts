/** Without a message, until people are told: longer than a broker takes to deliver again. */
const silenceMs = 10_000

/** Tells of a session that brings nothing, not even what its owner has sent through it: NATS may come to that when an owner
 *  dies, and brings all that waits once it was restarted. */
export class Silence {
  #since: number | undefined

  /** Something was sent through the session. */
  begin() {
    this.#since = performance.now()
  }

  /** Something else has come, or was finished: some brokers bring nothing before. */
  heard() {
    if (this.#since !== undefined) this.#since = performance.now()
  }

  /** What was sent has come. */
  end() {
    this.#since = undefined
  }

  get waitingFor(): string[] {
    const isLong = this.#since !== undefined && performance.now() - this.#since > silenceMs
    return isLong ? ['the broker to bring what its session has (NATS: restart it)'] : []
  }
}
