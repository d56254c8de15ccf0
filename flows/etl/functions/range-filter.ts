import { ranges } from '../lib/sensors.ts'
import type { Reading } from './parse.ts'

/** Takes implausible values out, so that `interpolate` fills them, and drops unknown sensors. */
export default function rangeFilter(reading: Reading): Reading | undefined {
  const range = ranges.get(reading.sensor)
  if (!range || reading.value === null) return
  const { min, max } = range
  return reading.value >= min && reading.value <= max ? reading : { ...reading, value: null }
}
