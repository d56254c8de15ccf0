import { type Moments, varianceOf } from './moments.ts'

/** One number, and what it stands on. */
export interface Figure {
  value: number
  /** Of the value over `windows`, where there are at least two of them. */
  variance?: number
  /** From when to when it was measured, ms since the epoch. */
  window: { start: number; end: number }
  /** Samples that the variance is of: stretches of ten seconds, for rates and lags; for each host, for what is of a host. */
  windows: number
  /** Records, calls or round trips that it was measured on. */
  samples: number
  /** `inferred`: from other figures. Never a reason to move anything by itself. */
  source: 'measured' | 'inferred'
  /** Nothing of it was measured of late: it tells how things were. */
  isStale: boolean
}

/** Without a figure for so long, three windows, what is known of it is stale. */
export const staleAfterMs = 30_000

/** Gathers the windows in which something was measured. */
export class Span {
  #at: number
  #staleAfterMs: number
  #start = Number.POSITIVE_INFINITY
  #end = Number.NEGATIVE_INFINITY

  /** @param at when all this is looked at, ms since the epoch */
  constructor(at: number, staleAfter = staleAfterMs) {
    this.#at = at
    this.#staleAfterMs = staleAfter
  }

  add({ start, lengthMs }: { start: number; lengthMs: number }): void {
    this.#start = Math.min(this.#start, start)
    this.#end = Math.max(this.#end, start + lengthMs)
  }

  get isStale(): boolean {
    return this.#at - this.#end > this.#staleAfterMs
  }

  figure(value: number, samples: number, moments?: Moments, source: Figure['source'] = 'measured'): Figure {
    const variance = moments && varianceOf(moments)
    return {
      value,
      ...(variance !== undefined && { variance }),
      window: { start: this.#start, end: this.#end },
      windows: moments?.count ?? 1,
      samples,
      source,
      isStale: this.isStale,
    }
  }
}

/** A figure that follows from others: as old as the oldest of them. */
export function inferred(value: number, from: Figure[]): Figure {
  return {
    value,
    window: {
      start: Math.max(...from.map(({ window }) => window.start)),
      end: Math.min(...from.map(({ window }) => window.end)),
    },
    windows: Math.min(...from.map(({ windows }) => windows)),
    samples: Math.min(...from.map(({ samples }) => samples)),
    source: 'inferred',
    isStale: from.some(({ isStale }) => isStale),
  }
}
