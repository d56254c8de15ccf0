/** Reports that an offset is taken from: about a minute. */
const window = 12

/** Beyond it a latency between two hosts says more of their clocks than of what lies between them. */
export const maxDisagreementMs = 250

/** How far the clocks of hosts are apart, as far as their reports tell. */
export class Clocks {
  /** By host: its clock minus ours when a report came, less the way here. */
  #offsets = new Map<string, number[]>()

  /** @param at by the host's clock @param receivedAt by a clock of ours that does not jump; both ms since the epoch
   *  @param roundTripMs from the host to the broker, where it is known */
  hear(host: string, at: number, receivedAt: number, roundTripMs = 0): void {
    const offsets = this.#offsets.get(host) ?? []
    offsets.push(at + roundTripMs / 2 - receivedAt)
    if (offsets.length > window) offsets.shift()
    this.#offsets.set(host, offsets)
  }

  forget(host: string): void {
    this.#offsets.delete(host)
  }

  /** ms; the report that took the shortest time tells it best. @returns undefined for one not heard of */
  offsetOf(host: string): number | undefined {
    const offsets = this.#offsets.get(host)
    return offsets && Math.max(...offsets)
  }

  /** The largest difference between one host and any of the others, ms. One not heard of is taken to have our clock. */
  disagreement(host: string, others: Iterable<string>): number {
    const own = this.offsetOf(host)
    if (own === undefined) return 0
    let largest = 0
    for (const other of others) largest = Math.max(largest, Math.abs(own - (this.offsetOf(other) ?? 0)))
    return largest
  }
}
