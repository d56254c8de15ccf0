/** Prices of what couples the items, each for a whole limit, so that all are money an hour. */
export class Multipliers {
  readonly value: Float64Array
  /** Direction in which the bound grows. */
  readonly gradient: Float64Array
  readonly #direction: Float64Array
  readonly #low: Float64Array
  readonly #high: Float64Array
  readonly #best: Float64Array

  /** @param highs by multiplier, the most that it may be @param free how many more there are that may be below 0 too */
  constructor(highs: readonly number[], free: number) {
    const count = highs.length + free
    this.value = new Float64Array(count)
    this.gradient = new Float64Array(count)
    this.#direction = new Float64Array(count)
    this.#best = new Float64Array(count)
    this.#low = new Float64Array(count).fill(Number.NEGATIVE_INFINITY)
    this.#high = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
    this.#low.fill(0, 0, highs.length)
    this.#high.set(highs)
  }

  keep(): void {
    this.#best.set(this.value)
  }

  /** Goes back to what was kept. */
  restore(): void {
    this.value.set(this.#best)
    this.#direction.fill(0)
  }

  /** Goes along the gradient and some of the way before, by Polyak's rule. @param rise how much the bound is to grow */
  advance(rise: number): void {
    const { value, gradient } = this
    let [norm, along] = [0, 0]
    for (let i = 0; i < value.length; i++) {
      // A multiplier at its limit can't go further.
      const isStuck =
        (value[i]! <= this.#low[i]! && gradient[i]! < 0) || (value[i]! >= this.#high[i]! && gradient[i]! > 0)
      if (isStuck) gradient[i] = 0
      this.#direction[i] = 0.6 * this.#direction[i]! + 0.4 * gradient[i]!
      norm += this.#direction[i]! ** 2
      along += gradient[i]! ** 2
    }
    if (along === 0 || norm === 0) return
    const step = rise / Math.max(norm, 0.05 * along)
    for (let i = 0; i < value.length; i++)
      value[i] = Math.min(this.#high[i]!, Math.max(this.#low[i]!, value[i]! + step * this.#direction[i]!))
  }
}
