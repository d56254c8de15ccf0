import { atOf, type TelemetryFile } from './file.ts'
import { Gathered } from './gathered.ts'
import type { OutsideFigures } from './snapshot.ts'
import { given, type RateWindow, type Window } from './window.ts'

/** Records and bytes that enter and leave the graph. */
export function outsideOf({ header, windows }: TelemetryFile): OutsideFigures[] {
  const ways = (['in', 'out'] as const).flatMap(way => header.graph.map(({ name }) => ({ name, way })))
  return ways.flatMap(({ name, way }) => {
    const rates = new GatheredRates(atOf(header))
    for (const window of windows) rates.add(window, window.outside[name]?.[way])
    return rates.isEmpty ? [] : [{ name, way, ...rates.figures }]
  })
}

export class GatheredRates {
  isEmpty = true
  #records: Gathered
  #bytes: Gathered

  constructor(at: number) {
    this.#records = new Gathered(at)
    this.#bytes = new Gathered(at)
  }

  add(window: Window, rates: RateWindow | undefined): void {
    if (!rates) return
    this.isEmpty = false
    this.#records.add(window, rates.recordsPerSecond, rates.records)
    this.#bytes.add(window, rates.bytesPerSecond, rates.records)
  }

  get figures() {
    return {
      ...given('recordsPerSecond', this.#records.figure),
      ...given('bytesPerSecond', this.#bytes.figure),
    }
  }
}
