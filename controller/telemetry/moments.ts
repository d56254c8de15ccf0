/** Samples, summed up so that those of any two times can be put together. */
export interface Moments {
  count: number
  mean: number
  /** Sum of the squares of what each sample is away from the mean. */
  m2: number
  min: number
  max: number
}

export const momentsOf = (value: number): Moments => ({
  count: 1,
  mean: value,
  m2: 0,
  min: value,
  max: value,
})

/** By Chan, Golub and LeVeque: exact, in whatever order. */
export function mergeMoments(a: Moments | undefined, b: Moments | undefined): Moments | undefined {
  if (!a || !b) return a ?? b
  const count = a.count + b.count
  const delta = b.mean - a.mean
  return {
    count,
    mean: a.mean + (delta * b.count) / count,
    m2: a.m2 + b.m2 + (delta * delta * a.count * b.count) / count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
  }
}

/** Of the samples. @returns undefined for fewer than two */
export const varianceOf = ({ count, m2 }: Moments) => (count < 2 ? undefined : m2 / (count - 1))
