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
  run(options: { runs: number }): Promise<Figure[]>
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
