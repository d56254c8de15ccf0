import { type Cut, keepsKeys, topics } from '../schema/topics.ts'
import { hash } from './key.ts'

/** One partition of a node. */
export interface Place {
  flow: string
  node: string
  partition: number
  /** Among which partitions it is one. */
  cut: Cut
  /** Tells it from those of other cuts; see `partitionName`. */
  name: string
}

export const maxPartitions = 256
const levels = Math.log2(maxPartitions)
const keysInPart = 500

/**
 * The topic of one key's state: a level for each of the low bits of its hash, the lowest first.
 *
 * So each of 2, 4, 8, … partitions has its keys under one filter, whatever the number was when they were stored: state
 * never moves. Where records are cut by no key, state belongs to the partition that made it.
 */
export const stateTopic = ({ flow, node, name, cut }: Place, key: string) =>
  topics.state(flow, node, keepsKeys(cut) ? branch(hash(key), levels) : name, encodeKey(key))

/** All state of a partition. */
export const stateFilter = ({ flow, node, name, cut, partition }: Place) =>
  topics.states(flow, node, keepsKeys(cut) ? branch(partition, Math.log2(cut.partitions)) : name)

/** The same in parts, each of about so many keys: a default mosquitto drops what comes after 1,000 messages that it
 *  could not hand to the socket yet. @param keys that there are */
export function stateFilters(place: Place, keys: number): string[] {
  const { partitions } = place.cut
  if (!keepsKeys(place.cut)) return [stateFilter(place)]
  let parts = 1
  while (keys / parts > keysInPart && parts * partitions < 2 ** levels) parts *= 2
  return Array.from({ length: parts }, (_, part) =>
    stateFilter({
      ...place,
      partition: place.partition + part * partitions,
      cut: { ...place.cut, partitions: parts * partitions },
    }),
  )
}

/** @returns the key of a topic of state */
export const stateKey = (topic: string) => decodeKey(topic.slice(topic.lastIndexOf('/') + 1))

const branch = (bits: number, depth: number) =>
  ['k', ...Array.from({ length: depth }, (_, bit) => (bits >>> bit) & 1)].join('/')

/** A key as one level of a topic: never empty, no wildcard, no slash. */
const encodeKey = (key: string) => (key === '' ? '%' : encodeURIComponent(key))
const decodeKey = (level: string) => (level === '%' ? '' : decodeURIComponent(level))
