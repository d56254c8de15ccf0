/** Names in the broker: one place for every topic and client ID of the data plane. */
export const topics = {
  all: (flow: string) => `dyninka/${flow}/#`,
  data: (flow: string, node: string, output: string, stream: string, shard: number) =>
    `dyninka/${flow}/data/${node}/${output}/${stream}/${shard}`,
  /** Every shard of one output, for tapping. */
  output: (flow: string, node: string, output: string) => `dyninka/${flow}/data/${node}/${output}/+/+`,
  credit: (flow: string, node: string, partition: PartitionName) =>
    `dyninka/${flow}/credit/${node}/${partition}`,
  credits: (flow: string, node: string) => `dyninka/${flow}/credit/${node}/+`,
  /** Where the owner of a partition marks its turn, to know when what is retained is as new as can be. */
  fence: (flow: string, node: string, partition: PartitionName) =>
    `dyninka/${flow}/credit/${node}/${partition}/fence`,
  /** @param place see `statePlace` */
  state: (flow: string, node: string, place: string, key: string) =>
    `dyninka/${flow}/state/${node}/${place}/${key}`,
  states: (flow: string, node: string, place: string) => `dyninka/${flow}/state/${node}/${place}/#`,
  dead: (flow: string, node: string, partition: number, slot: number) =>
    `dyninka/${flow}/dead/${node}/${partition}/${slot}`,
  deads: (flow: string, node = '+') => `dyninka/${flow}/dead/${node}/+/+`,
  replay: (flow: string, node: string, partition: PartitionName) =>
    `dyninka/${flow}/replay/${node}/${partition}`,
  /** To a partition from itself: timers, or records to be tried again, that are due. */
  due: (flow: string, lane: 'timer' | 'retry', node: string, partition: PartitionName) =>
    `dyninka/${flow}/${lane}/${node}/${partition}`,
  /** To a partition from itself, by the broker of a zone: what that had queued before has come. */
  mark: (flow: string, node: string, partition: PartitionName) => `dyninka/${flow}/mark/${node}/${partition}`,
  telemetry: (flow: string, node: string, host: string) => `dyninka/${flow}/telemetry/${node}/${host}`,
  telemetries: (flow: string) => `dyninka/${flow}/telemetry/+/+`,
  figures: (flow: string, node: string, host: string) => `dyninka/${flow}/figures/${node}/${host}`,
  figuresOf: (flow: string) => `dyninka/${flow}/figures/+/+`,
  /** Empty messages for nobody. */
  nudge: (flow: string) => `dyninka/${flow}/nudge`,
  wiring: (flow: string, node: string) => `dyninka/${flow}/wiring/${node}`,
  /** The wiring that one partition has in effect: what its successor starts from. */
  effect: (flow: string, node: string, partition: PartitionName) =>
    `dyninka/${flow}/wiring/${node}/${partition}`,
  wirings: (flow: string) => `dyninka/${flow}/wiring/+`,
  host: (flow: string, node: string, host: string) => `dyninka/${flow}/hosts/${node}/${host}`,
  hosts: (flow: string, node = '+') => `dyninka/${flow}/hosts/${node}/+`,
}

/** The durable session of one partition: whoever connects with this ID owns it. Names contain no underscore. */
export const sessionId = (flow: string, node: string, partition: PartitionName) =>
  `dyninka_${flow}_${node}_${partition}`

/** How a node's input is cut: into how many partitions, by key or not. Another cut has other sessions. */
export interface Cut {
  partitions: number
  key?: string | undefined
}

/** `0` where there is one partition, else `3of4`, or `any3of4` where no key says which records it gets. */
export type PartitionName = string | number

export const partitionName = (partition: number, { partitions, key }: Cut): string =>
  partitions === 1 ? '0' : `${key === undefined ? 'any' : ''}${partition}of${partitions}`

export const partitionNames = (cut: Cut): string[] =>
  Array.from({ length: cut.partitions }, (_, partition) => partitionName(partition, cut))

/** Whether a partition of this name has state of its own; see `keepsKeys`. */
export const keepsState = (name: string) => name.startsWith('any')

/** Whether records of one key meet in one partition, so that state belongs to the key alone. */
export const keepsKeys = ({ partitions, key }: Cut) => partitions === 1 || key !== undefined

/** The durable session through which a source reads its MQTT topics. */
export const intakeSessionId = (flow: string, source: string) => `${sessionId(flow, source, 0)}_in`
