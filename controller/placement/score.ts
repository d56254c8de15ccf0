/** How good a placement is, in this order: fewer broken rules, less broken by, cheaper. */
export interface Score {
  /** Rules that do not hold. */
  broken: number
  /** By how much they are broken, summed: 1 for yes or no, else the share over the limit. */
  severity: number
  /** Money an hour. */
  cost: number
}

/** Sums in another order differ by less than this share. */
const tolerance = 1e-9

/** @returns below 0 when `a` is better */
export function compareScores(a: Score, b: Score): number {
  return a.broken - b.broken || differ(a.severity, b.severity) || differ(a.cost, b.cost)
}

function differ(a: number, b: number) {
  return Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b)) ? 0 : a - b
}
