/** Sets of names that share a node: what shares with one of a set shares with all. Those of one name are left out.
 *  @param shares each name with those that it is to be with; names that nobody has are passed over
 *  @returns by name, its set in the order of `shares` */
export function withSets(shares: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const sets = new Map<string, Set<string>>()
  for (const [name, others] of shares) {
    for (const other of others) {
      if (other === name || !shares.has(other)) continue
      const joined = new Set([...(sets.get(name) ?? [name]), ...(sets.get(other) ?? [other])])
      for (const member of joined) sets.set(member, joined)
    }
  }
  const order = [...shares.keys()]
  const rank = new Map(order.map((name, index) => [name, index]))
  return new Map(
    order.flatMap(name => {
      const set = sets.get(name)
      return set ? [[name, [...set].sort((a, b) => rank.get(a)! - rank.get(b)!)]] : []
    }),
  )
}
