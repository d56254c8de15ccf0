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

/** 200 bytes of JSON, of which each record has its own: rooms and hops alone repeat. */
export function readingOf(n: number): Reading {
  const reading = {
    id: `sensor-${String(n % 10_000).padStart(4, '0')}`,
    room: rooms[n % rooms.length]!,
    at: new Date(start + n * 7_919).toISOString(),
    celsius: 20 + (n % 97) / 10,
    humidity: 40 + (n % 89) / 10,
    hops: 0,
    note: '',
  }
  return { ...reading, note: text.slice(n % 40).slice(0, 200 - JSON.stringify(reading).length) }
}

const start = Date.parse('2026-11-25T00:30:00.000Z')
const rooms = ['attic', 'cellar', 'kitchen', 'study', 'hall']
const text =
  'battery at 87 percent, last calibrated in spring, housing replaced after the leak, no faults since then, see the log of the house for all that came before'
