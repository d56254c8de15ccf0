import type { Context } from 'dyninka'
import type { Reading } from './parse.ts'

const READINGS = 5

/** Fills a missing value with the mean of the sensor's last readings. */
export default function interpolate(reading: Reading, ctx: Context<{ state: number[] }>): Reading {
  const last = ctx.state ?? []
  if (reading.value !== null) {
    ctx.state = [...last, reading.value].slice(-READINGS)
    return reading
  }
  if (last.length === 0) return reading
  const mean = last.reduce((sum, each) => sum + each, 0) / last.length
  return { ...reading, value: Math.round(mean * 10) / 10, estimated: true }
}
