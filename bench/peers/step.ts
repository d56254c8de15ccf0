/** What each function of the measured chains does, whoever runs it. */
export interface Reading {
  id: string
  room: string
  at: string
  celsius: number
  humidity: number
  hops: number
  note: string
}

export const step = (reading: Reading): Reading => ({ ...reading, hops: reading.hops + 1 })

/** 200 bytes of JSON. */
export function readingOf(n: number): Reading {
  const reading = {
    id: `sensor-${String(n % 10_000).padStart(4, '0')}`,
    room: 'attic',
    at: '2026-11-25T00:30:00.000Z',
    celsius: 20.5,
    humidity: 44.1,
    hops: 0,
    note: '',
  }
  return { ...reading, note: 'x'.repeat(200 - JSON.stringify(reading).length) }
}
