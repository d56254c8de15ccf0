import type { Context } from 'dyninka'
import { resolve, type SenmlRecord } from '../lib/senml.ts'

export interface Reading {
  /** Device and sensor. */
  name: string
  device: string
  sensor: string
  /** Seconds since the epoch. */
  time: number
  /** `null` where there is none to trust. */
  value: number | null
  estimated?: boolean
}

/** A SenML pack as one reading per number in it. */
export default function parse(pack: SenmlRecord[], ctx: Context): Reading[] {
  return resolve(pack, ctx.record.time / 1000).flatMap(({ n, t, v }) => {
    const [, device, sensor] = /^(.+)\/(.+)$/.exec(n) ?? []
    return device && sensor && v !== undefined ? [{ name: n, device, sensor, time: t, value: v }] : []
  })
}
