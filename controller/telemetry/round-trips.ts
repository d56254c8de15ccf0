import { inferred } from './figure.ts'
import { atOf, type TelemetryFile } from './file.ts'
import { Gathered } from './gathered.ts'
import type { RoundTripFigures, ZonePairFigures } from './snapshot.ts'
import { given } from './window.ts'

/** From each node on which hosts ran to each broker that they use. */
export function roundTripsOf({ header, windows }: TelemetryFile): RoundTripFigures[] {
  const trips = new Map<string, { node: string; broker: string; gathered: Gathered }>()
  for (const window of windows) {
    for (const [node, brokers] of Object.entries(window.roundTripMs)) {
      for (const [broker, moments] of Object.entries(brokers)) {
        const key = JSON.stringify([node, broker])
        const trip = trips.get(key) ?? { node, broker, gathered: new Gathered(atOf(header)) }
        trips.set(key, trip)
        trip.gathered.add(window, moments)
      }
    }
  }
  return [...trips.values()].map(({ node, broker, gathered }) => ({
    node,
    ...given('zone', header.nodes.find(({ name }) => name === node)?.zone),
    broker,
    rttMs: gathered.figure!,
  }))
}

/** Between zones nothing is measured: hosts talk to brokers alone. What lies between two of them is at most the way from
 *  one to a broker and on to the other; the shortest of these stands. */
export function zonePairsOf(roundTrips: RoundTripFigures[]): ZonePairFigures[] {
  const zones = [...new Set(roundTrips.flatMap(({ zone }) => zone ?? []))].toSorted()
  const least = (zone: string, broker: string) =>
    roundTrips
      .filter(trip => trip.zone === zone && trip.broker === broker)
      .toSorted((a, b) => a.rttMs.value - b.rttMs.value)[0]?.rttMs
  const brokers = [...new Set(roundTrips.map(({ broker }) => broker))]
  return zones.flatMap((a, i) =>
    zones.slice(i + 1).flatMap(b => {
      const ways = brokers.flatMap(broker => {
        const [to, from] = [least(a, broker), least(b, broker)]
        return to && from ? [inferred(to.value + from.value, [to, from])] : []
      })
      const [rttMs] = ways.toSorted((x, y) => x.value - y.value)
      return rttMs ? [{ zones: [a, b] as [string, string], rttMs }] : []
    }),
  )
}
