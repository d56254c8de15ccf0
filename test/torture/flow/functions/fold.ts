/** Changed by a push that updates every function at once. */
export const shared = 1

/** A running hash: of what came, and in which order. */
export const fold = (hash: number, n: number, v: number): number =>
  Math.imul(Math.imul(hash ^ n, 16_777_619) ^ v, 2_246_822_519) >>> 0
