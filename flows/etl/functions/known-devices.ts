import { BloomFilter } from '../lib/bloom-filter.ts'
import stations from '../lib/stations.json' with { type: 'json' }
import type { Reading } from './parse.ts'

const known = new BloomFilter(Object.keys(stations))

export default function knownDevices(reading: Reading): Reading | undefined {
  return known.has(reading.device) ? reading : undefined
}
