const units: Record<string, number> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
}

/** Thousandths of a core of `100m`, `0.5` or 2. */
export function cpuMillis(quantity: string | number): number {
  const text = String(quantity)
  return Math.round(text.endsWith('m') ? Number(text.slice(0, -1)) : Number(text) * 1000)
}

/** Bytes of `64Mi`, `1.5G` or 1024. */
export function memoryBytes(quantity: string | number): number {
  const [, number, unit] = /^([0-9.]+)([A-Za-z]*)$/.exec(String(quantity)) ?? []
  return Math.round(Number(number) * (units[unit ?? ''] ?? Number.NaN))
}
