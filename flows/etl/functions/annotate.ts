import stations from '../lib/stations.json' with { type: 'json' }
import type { Observation } from './join.ts'

export interface Station {
  city: string
  state: string
  latitude: number
  longitude: number
}

export type Annotated = Observation & Station

const byDevice: Record<string, Station> = stations

/** Adds what is known of the device. The few strangers that the Bloom filter admits end here. */
export default function annotate(observation: Observation): Annotated | undefined {
  const station = byDevice[observation.device]
  return station && { ...observation, ...station }
}
