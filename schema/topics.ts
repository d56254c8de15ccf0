/** Names in the broker: one place for every topic and client ID of the data plane. */
export const topics = {
  all: (flow: string) => `dyninka/${flow}/#`,
  data: (flow: string, node: string, output: string, stream: string, shard: number) =>
    `dyninka/${flow}/data/${node}/${output}/${stream}/${shard}`,
  /** Every shard of one output, for tapping. */
  output: (flow: string, node: string, output: string) => `dyninka/${flow}/data/${node}/${output}/+/+`,
  credit: (flow: string, node: string, partition: number) => `dyninka/${flow}/credit/${node}/${partition}`,
  /** Where the owner of a partition marks its turn, to know when what is retained is as new as can be. */
  fence: (flow: string, node: string, partition: number) =>
    `dyninka/${flow}/credit/${node}/${partition}/fence`,
  state: (flow: string, node: string, partition: number, key: string) =>
    `dyninka/${flow}/state/${node}/${partition}/${key}`,
  states: (flow: string, node: string, partition: number) => `dyninka/${flow}/state/${node}/${partition}/#`,
  dead: (flow: string, node: string, partition: number, slot: number) =>
    `dyninka/${flow}/dead/${node}/${partition}/${slot}`,
  deads: (flow: string, node = '+') => `dyninka/${flow}/dead/${node}/+/+`,
  replay: (flow: string, node: string, partition: number) => `dyninka/${flow}/replay/${node}/${partition}`,
  /** To a partition from itself: timers, or records to be tried again, that are due. */
  due: (flow: string, lane: 'timer' | 'retry', node: string, partition: number) =>
    `dyninka/${flow}/${lane}/${node}/${partition}`,
  telemetry: (flow: string, node: string, host: string) => `dyninka/${flow}/telemetry/${node}/${host}`,
  telemetries: (flow: string) => `dyninka/${flow}/telemetry/+/+`,
  /** Empty messages for nobody. */
  nudge: (flow: string) => `dyninka/${flow}/nudge`,
  wiring: (flow: string, node: string) => `dyninka/${flow}/wiring/${node}`,
  /** The wiring that one partition has in effect: what its successor starts from. */
  effect: (flow: string, node: string, partition: number) => `dyninka/${flow}/wiring/${node}/${partition}`,
  wirings: (flow: string) => `dyninka/${flow}/wiring/+`,
  host: (flow: string, node: string, host: string) => `dyninka/${flow}/hosts/${node}/${host}`,
  hosts: (flow: string, node = '+') => `dyninka/${flow}/hosts/${node}/+`,
}

/** The durable session of one partition: whoever connects with this ID owns it. Names contain no underscore. */
export const sessionId = (flow: string, node: string, partition: number) =>
  `dyninka_${flow}_${node}_${partition}`

/** The durable session through which a source reads its MQTT topics. */
export const intakeSessionId = (flow: string, source: string) => `${sessionId(flow, source, 0)}_in`
