/** Brokers of zones from one declaration to the next; by zone. */
export interface Succession<B> {
  /** Those that sessions are or may come to be on. */
  known: Record<string, B>
  /** Zones whose broker edges may go by. */
  offered: string[]
  /** Zones whose known broker edges are to leave: it is declared no more, or another one in its place. */
  leaving: string[]
}

/** Who a zone's broker is for now. An edge changes its broker only once it is empty, so one that something may still go by
 *  stays until nothing does, and only then the next one takes its place. Pure.
 *  @param before those of before, by zone @param inUse zones of brokers that something may still go by
 *  @param isSame whether two stand for one broker, though it may be reached with other credentials */
export function succession<B>(
  before: Readonly<Record<string, B>>,
  declared: Readonly<Record<string, B>>,
  inUse: Iterable<string>,
  isSame: (a: B, b: B) => boolean,
): Succession<B> {
  const used = new Set(inUse)
  const leaving = Object.entries(before).flatMap(([zone, broker]) => {
    const next = declared[zone]
    return used.has(zone) && (next === undefined || !isSame(broker, next)) ? [[zone, broker] as const] : []
  })
  const known = { ...declared, ...Object.fromEntries(leaving) }
  const zones = leaving.map(([zone]) => zone)
  return { known, offered: Object.keys(declared).filter(zone => !zones.includes(zone)), leaving: zones }
}
