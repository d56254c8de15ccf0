import type { DeclaredLink } from '../../../schema/declared-link.ts'
import { Problem } from '../../../schema/problem.ts'
import type { Snapshot } from '../../telemetry/snapshot.ts'
import type { Broker, Link, Zone } from '../instance.ts'

export interface Network {
  zones: Zone[]
  links: Link[]
  brokers: Broker[]
  /** `from.to`, of links whose round trip was not measured. */
  inferred: ReadonlySet<string>
}

/** What a GiB between two zones costs, in money. */
const pricePerGiB = 1
/** Of a way that nobody has measured: neither near nor out of reach. */
const unknownRttMs = 50
/** A broker that answers in less is in the zone of who asks. */
const sameZoneMs = 2

/** Zone of a node that has none: itself. */
export const zoneOf = ({ name, zone }: { name: string; zone?: string }) => zone ?? name

/**
 * Zones, what lies between them, and where the brokers are. Pure.
 *
 * @param places zone of each broker that is known to be there, by URL @param declared stands where nothing was measured,
 *   and tells what can't be @throws Problem where it can't be told
 */
export function networkOf(
  { nodes, roundTrips, zonePairs }: Snapshot,
  urls: readonly string[],
  places: Readonly<Record<string, string>>,
  declared: readonly DeclaredLink[] = [],
): Network {
  const names = [...new Set(nodes.map(zoneOf))].toSorted()
  const trips = new Map<string, number>()
  for (const { zone, node, broker, rttMs } of roundTrips) {
    const key = `${broker} ${zone ?? node}`
    trips.set(key, Math.min(trips.get(key) ?? Number.POSITIVE_INFINITY, rttMs.value))
  }
  const brokers = urls.map(url => {
    const given = places[url]
    if (given !== undefined && !names.includes(given)) throw unknownZone(url, given, names)
    const near = names
      .filter(zone => trips.has(`${url} ${zone}`))
      .toSorted((a, b) => trips.get(`${url} ${a}`)! - trips.get(`${url} ${b}`)!)
    const zone = given ?? (names.length === 1 ? names[0] : nearest(url, near, trips))
    if (zone === undefined) throw unplaced(url, names)
    return { name: url, place: { zone } }
  })
  const inferred = new Set<string>()
  const links = names.flatMap((from, i) =>
    names.slice(i + 1).map(to => {
      const measured = brokers.flatMap(({ name, place: { zone } }) => {
        const other = zone === from ? to : zone === to ? from : undefined
        return other === undefined ? [] : (trips.get(`${name} ${other}`) ?? [])
      })
      if (measured.length === 0) inferred.add(`${from}.${to}`)
      const pair = zonePairs.find(({ zones }) => zones.includes(from) && zones.includes(to))
      const known = declared.find(({ zones }) => zones.includes(from) && zones.includes(to))
      const unmeasured = known?.rttMs ?? pair?.rttMs.value ?? unknownRttMs
      return {
        from,
        to,
        rttMs: measured.length > 0 ? Math.min(...measured) : unmeasured,
        ...(known?.bytesPerSecond !== undefined && { bytesPerSecond: known.bytesPerSecond }),
        pricePerGiB: known?.pricePerGiB ?? pricePerGiB,
      }
    }),
  )
  return { zones: names.map(name => ({ name })), links, brokers, inferred }
}

/** The zone from which it answers soonest, where that tells it apart. */
function nearest(url: string, near: string[], trips: ReadonlyMap<string, number>): string | undefined {
  const [first] = near
  if (first === undefined) return undefined
  return near.length > 1 || trips.get(`${url} ${first}`)! < sameZoneMs ? first : undefined
}

const unplaced = (url: string, zones: string[]) =>
  new Problem('BrokerUnplaced', `nothing tells in which zone the broker ${url} is`, {
    disposition: 'waiting',
    hint: `Say so: --broker-zone ${url}=ZONE, with one of ${zones.join(', ')}.`,
  })

const unknownZone = (url: string, zone: string, zones: string[]) =>
  new Problem('ZoneUnknown', `the broker ${url} is said to be in ${zone}, where no node is`, {
    disposition: 'stalled',
    hint: `There are ${zones.join(', ')}.`,
  })
