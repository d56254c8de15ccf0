import { DDSketch } from '@datadog/sketches-js'

/** Counts by logarithmic bins: bin k holds latencies in (γ^(k-1), γ^k] ms, γ = 1.02/0.98; `zeros` those of 0 ms. Any two
 *  are merged by adding up their bins. */
export interface LatencyBins {
  zeros: number
  /** Bin of the first of `counts`. */
  first: number
  counts: number[]
}

/** Of a quantile that is read from the bins. */
export const relativeAccuracy = 0.02
/** Above it stands no latency but a clock, or data of another time. */
export const maxLatencyMs = 86_400_000

/** Latencies of one edge. What no latency can be is counted, and used for nothing. */
export class Latencies {
  /** Handled before it came to be, by the clocks. */
  negative = 0
  /** Over a day. */
  absurd = 0
  #sketch: DDSketch | undefined

  /** @param ms by two clocks, which may disagree */
  add(ms: number, records: number) {
    if (ms < 0) this.negative += records
    else if (!(ms <= maxLatencyMs)) this.absurd += records
    else {
      this.#sketch ??= new DDSketch({ relativeAccuracy })
      this.#sketch.accept(ms, records)
    }
  }

  /** @returns undefined when there are none */
  bins(): LatencyBins | undefined {
    if (!this.#sketch) return undefined
    const { store, zeroCount } = this.#sketch
    if (store.count === 0) return { zeros: zeroCount, first: 0, counts: [] }
    const { bins, minKey, maxKey, offset } = store
    return { zeros: zeroCount, first: minKey, counts: bins.slice(minKey - offset, maxKey - offset + 1) }
  }
}
