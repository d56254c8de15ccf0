const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }

/** Milliseconds of `200ms`, `10s`, `1.5m` or `2h`. @throws TypeError for anything else */
export function durationMs(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)$/.exec(text)
  if (!match) throw new TypeError(`${text} is not a duration`)
  return Number(match[1]) * units[match[2] as keyof typeof units]
}
