/** One measured number: the median of several runs, never a single one. */
export interface Figure {
  name: string
  value: number
  unit: string
  /** What it should be at most (or at least, by `better`). */
  goal?: number
  better: 'lower' | 'higher'
  /** What it is compared with, and how many times its figure ours is. */
  peer?: string
  ratio?: number
}

export interface Bench {
  name: string
  /** How often it is measured where nobody says. Absent: 5. */
  runs?: number
  run(options: { runs: number; minutes: number; keys: number }): Promise<Figure[]>
}

/** @param share 0.5 is the median, 0.99 what one of a hundred exceeds */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
