/** When something runs elsewhere without anybody having decided so; ms. */
export interface AdaptationSettings {
  /** How long a node has not answered before what is on it goes elsewhere. */
  lostAfterMs: number
  /** How long a node has been short of something before a function leaves it, and then until the next one does. */
  fullAfterMs: number
  /** How long nothing in a zone has reached the broker before what is decided to be there goes elsewhere. */
  cutAfterMs: number
  /** How long a node has been well before it is used again: twice as long each time that it was left in the last day. */
  healAfterMs: number
}

export const defaultAdaptation: AdaptationSettings = {
  lostAfterMs: 5_000,
  fullAfterMs: 30_000,
  cutAfterMs: 60_000,
  healAfterMs: 5 * 60_000,
}

/** However often it was left. */
export const maxHealMs = 12 * 60 * 60_000
