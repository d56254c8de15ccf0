import type { Exile, Stay, Verdicts } from './homecoming.ts'
import type { Refuge } from './refuge.ts'

/** Says who goes back, from the figures that there are now. */
export type Reckon = (exiles: readonly Exile[]) => Verdicts

/** Of its time that a controller reckons, at most. */
const share = 0.005
/** How long what was reckoned stands while nothing is known any more. */
const standsMs = 30 * 60_000

/** Asks now and then whether going back pays: figures change, and to reckon takes time. Times are ms, by a clock that can't be set. */
export class Reckoned {
  /** Who was asked about, in a word. */
  #exiles = ''
  #askedMs = Number.NEGATIVE_INFINITY
  #verdicts: Verdicts = { verdicts: new Map(), unknown: '' }
  /** By exile: since when nothing is known of it. */
  #unknownSince = new Map<string, number>()

  /** @param everyMs between two times that it is asked about the same */
  look(exiles: readonly Exile[], reckon: Reckon, nowMs: number, everyMs: number): void {
    const all = JSON.stringify(exiles)
    const { tookMs = 0 } = this.#verdicts
    if (all === this.#exiles && nowMs - this.#askedMs < Math.max(everyMs, tookMs / share)) return
    this.#exiles = all
    this.#askedMs = nowMs
    if (exiles.length === 0) {
      this.#verdicts = { verdicts: new Map(), unknown: '' }
      this.#unknownSince.clear()
    } else this.#verdicts = reckon(exiles)
  }

  /** @returns why it stays, or why it goes: empty where nobody was asked */
  of(name: string, { stays }: Refuge, nowMs: number): { stay: Stay } | { goes: string } {
    const { verdicts, unknown } = this.#verdicts
    const verdict = verdicts.get(name)
    if (verdict) {
      this.#unknownSince.delete(name)
      return verdict.goes ? { goes: verdict.says } : { stay: verdict.stay }
    }
    const since = this.#unknownSince.get(name) ?? nowMs
    this.#unknownSince.set(name, since)
    // A controller that has just started has figures in a moment.
    if (stays && nowMs - since < standsMs) return { stay: stays }
    return { goes: unknown && `whether that pays is not known: ${unknown}` }
  }
}
