/** How good a placement is, in this order: fewer broken rules, less broken by, cheaper. */
export interface Score {
  /** Rules that do not hold. */
  broken: number
  /** By how much they are broken, summed: 1 for yes or no, else the share over the limit. */
  severity: number
  /** Money an hour. */
  cost: number
}

/** Sums in another order differ by less than this share, and this much. */
const [relative, absolute] = [1e-9, 1e-12]

/** @returns below 0 when `a` is better */
export function compareScores(a: Score, b: Score): number {
  return a.broken - b.broken || differ(a.severity, b.severity) || differ(a.cost, b.cost)
}

function differ(a: number, b: number) {
  return Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b)) + absolute ? 0 : a - b
}
