import { type Figure, Span } from './figure.ts'
import { type Moments, mergeMoments } from './moments.ts'
import type { Window } from './window.ts'

/** Moments of many windows, and what they were measured on. */
export class Gathered {
  #span: Span
  #moments: Moments | undefined
  #samples = 0

  /** @param at when all this is looked at, ms since the epoch @param staleAfterMs default: three windows */
  constructor(at: number, staleAfterMs?: number) {
    this.#span = new Span(at, staleAfterMs)
  }

  /** @param samples default: as many as there are moments */
  add(window: Window, moments: Moments | undefined, samples = moments?.count ?? 0): void {
    if (!moments) return
    this.#span.add(window)
    this.#moments = mergeMoments(this.#moments, moments)
    this.#samples += samples
  }

  /** @returns undefined when there is nothing */
  get figure(): Figure | undefined {
    return this.#moments && this.#span.figure(this.#moments.mean, this.#samples, this.#moments)
  }
}
