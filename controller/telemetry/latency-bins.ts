import { DDSketch } from '@datadog/sketches-js'
import { type LatencyBins, relativeAccuracy } from '../../runtime/latencies.ts'

/** All latencies of both. */
export function mergeBins(a: LatencyBins | undefined, b: LatencyBins | undefined): LatencyBins | undefined {
  if (!a || !b) return a ?? b
  const zeros = a.zeros + b.zeros
  if (a.counts.length === 0) return { ...b, zeros }
  if (b.counts.length === 0) return { ...a, zeros }
  const first = Math.min(a.first, b.first)
  const end = Math.max(a.first + a.counts.length, b.first + b.counts.length)
  const counts = new Array<number>(end - first).fill(0)
  for (const bins of [a, b])
    for (const [i, count] of bins.counts.entries()) counts[bins.first - first + i]! += count
  return { zeros, first, counts }
}

export const countIn = ({ zeros, counts }: LatencyBins) => counts.reduce((sum, count) => sum + count, zeros)

/** ms, within two percent. @param quantiles 0 to 1 @returns one for each; undefined when there are no latencies */
export function quantilesOf(bins: LatencyBins, quantiles: number[]): number[] | undefined {
  if (countIn(bins) === 0) return undefined
  const sketch = new DDSketch({ relativeAccuracy })
  for (const [i, count] of bins.counts.entries()) if (count > 0) sketch.store.add(bins.first + i, count)
  sketch.zeroCount = bins.zeros
  sketch.count = sketch.store.count + bins.zeros
  return quantiles.map(quantile => sketch.getValueAtQuantile(quantile))
}
