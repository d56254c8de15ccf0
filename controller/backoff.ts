/** Delay before the next attempt after `failures` in a row, with jitter so that many don't come at once. */
export function backoffMs(
  failures: number,
  { firstMs = 200, maxMs = 60_000, random = Math.random } = {},
): number {
  if (failures === 0) return 0
  const full = Math.min(maxMs, firstMs * 2 ** (failures - 1))
  return Math.round(full * (0.75 + random() / 2))
}

/** An interval, give or take a tenth: what started together does not stay together. */
export const jitterMs = (intervalMs: number, random = Math.random): number =>
  Math.round(intervalMs * (0.9 + random() / 5))
