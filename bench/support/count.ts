interface Seen {
  count: number
  at: string
  celsius: number
}

/** Counts the records of each key. */
export function count(
  record: { celsius: number },
  ctx: { state: Seen | undefined; record: { key?: string } },
): { key: string | undefined; count: number } {
  const count = (ctx.state?.count ?? 0) + 1
  ctx.state = { count, at: '2026-11-25T22:04:31.870Z', celsius: record.celsius }
  return { key: ctx.record.key, count }
}
