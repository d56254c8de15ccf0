import type { Context } from 'dyninka'
import { ranges } from '../lib/sensors.ts'
import type { Reading } from './parse.ts'

export interface Observation {
  device: string
  /** Seconds since the epoch. */
  time: number
  values: Record<string, number | null>
  /** Sensors whose value was interpolated. */
  estimated: string[]
}

const sensors = [...ranges.keys()]
const OPEN = 10 // a device that leaves a sensor out is waited for this many observations

/** Gathers what a device's sensors read at one time into one observation. */
export default function join(
  { device, sensor, time, value, estimated }: Reading,
  ctx: Context<{ state: Record<string, Observation> }>,
): Observation | undefined {
  ctx.state ??= {}
  const open = ctx.state
  open[time] ??= { device, time, values: {}, estimated: [] }
  const observation = open[time]
  observation.values[sensor] = value
  if (estimated) observation.estimated.push(sensor)

  if (sensors.every(each => each in observation.values)) return take(open, time)
  const times = Object.keys(open).map(Number)
  if (times.length > OPEN) return take(open, Math.min(...times))
}

function take(open: Record<string, Observation>, time: number): Observation | undefined {
  const observation = open[time]
  delete open[time]
  return observation
}
