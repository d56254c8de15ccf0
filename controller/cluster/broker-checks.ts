import { checkBroker } from '../broker/check/check-broker.ts'

/** Which brokers keep the promises of the data plane: each is tried once, however many Dataflows share it. */
export class BrokerChecks {
  #checks = new Map<string, Promise<void>>()

  /** @throws Problem when it is unfit; then it is tried again the next time */
  async check(url: string): Promise<void> {
    const known = this.#checks.get(url)
    if (known) return known
    const check = checkBroker(url)
    this.#checks.set(url, check)
    try {
      await check
    } catch (error) {
      this.#checks.delete(url)
      throw error
    }
  }
}
