import { type Checked, checkBroker } from '../broker/check/check-broker.ts'

/** Which brokers keep the promises of the data plane: each is tried once, however many Dataflows share it. */
export class BrokerChecks {
  #checks = new Map<string, Promise<Checked>>()

  /** See `checkBroker`. @throws Problem when it is unfit; then it is tried again the next time */
  async check(url: string, options: { withZones?: boolean } = {}): Promise<Checked> {
    const key = JSON.stringify([url, options])
    const known = this.#checks.get(key)
    if (known) return known
    const check = checkBroker(url, options)
    this.#checks.set(key, check)
    try {
      return await check
    } catch (error) {
      this.#checks.delete(key)
      throw error
    }
  }
}
