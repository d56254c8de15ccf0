import type { Flow, Node, Retry, SinkSpec, SourceNode } from './flow.ts'
import { type Cut, topics } from './topics.ts'

/** The retained document at `topics.wiring`: all that a host knows of the graph around it. */
export interface Wiring {
  /** 2 where it names a broker of a zone: a host that knows the dataflow's own broker alone keeps to the one before. */
  v: 1 | 2
  /** Grows by one with every change of the content. */
  revision: number
  kind: Node['kind']
  partitions: number
  /** The function's own `key`: a record without it can't be handled. */
  key?: string
  inputs: WiredInput[]
  /** By output name: the streams into which the output is cut. */
  outputs: Record<string, Stream[]>
  concurrency: number
  retry: Retry
  source?: Pick<SourceNode, 'spec' | 'id' | 'time' | 'overflow'>
  sink?: SinkSpec
  /** How often its partitions were cut anew; absent: never. */
  round?: number
  /** The partitions to come: they have sessions already, which keep what is sent to them. */
  next?: NextCut
  /** Nothing is sent to these partitions any more: each ends when it comes to this. */
  last?: true
  /** The dataflow's broker keeps no order among topics: a consumer finishes one stream before it gets more by another. */
  unordered?: true
}

export interface NextCut extends Cut {
  inputs: WiredInput[]
}

export interface WiredInput {
  node: string
  output: string
  stream: string
  /** Zone whose broker carries it; absent: the dataflow's own broker does. */
  broker?: string
}

export interface Stream {
  /** Another broker makes another stream: its name ends in `@` and the zone. */
  name: string
  /** Zone whose broker carries it; absent: the dataflow's own broker does. */
  broker?: string
  /** Dotted path of the field that is the key of this stream; absent: records keep the key they have. */
  key?: string
  shards: number
  /** Frames of one producer's partition that a consumer may have unfinished before the producer waits. */
  window: number
  /** Nodes whose partition n reads shard n. */
  consumers: string[]
}

/** The partitions that read a stream. */
export const cutOf = ({ shards, key }: Pick<Stream, 'shards' | 'key'>): Cut => ({ partitions: shards, key })

export type Content = Omit<Wiring, 'revision'>

interface PartitionPlace {
  flow: string
  node: string
  partition: number
  /** See `partitionName`. */
  name: string
}

/** The topic filters that the session of a partition holds on the dataflow's own broker. A change of wiring comes behind
 *  what was sent before it; where there is no order among topics, its host hears of it. */
export const subscriptionsOf = (
  place: PartitionPlace,
  { inputs, unordered }: Pick<Wiring, 'inputs' | 'unordered'>,
) => [
  ...dataOf(place, inputs, undefined),
  ...(unordered ? [] : [topics.wiring(place.flow, place.node)]),
  topics.replay(place.flow, place.node, place.name),
  topics.due(place.flow, 'timer', place.node, place.name),
  topics.due(place.flow, 'retry', place.node, place.name),
]

/** The topic filters that its sessions hold on brokers of zones, by zone; none where it only writes. */
export function subscriptionsByBroker(
  place: PartitionPlace,
  { inputs, outputs = {} }: Pick<Wiring, 'inputs'> & Partial<Pick<Wiring, 'outputs'>>,
): Record<string, string[]> {
  const filters: Record<string, string[]> = {}
  for (const { broker } of Object.values(outputs).flat()) if (broker !== undefined) filters[broker] = []
  for (const { broker } of inputs) {
    if (broker === undefined) continue
    filters[broker] = [...dataOf(place, inputs, broker), topics.mark(place.flow, place.node, place.name)]
  }
  return filters
}

const dataOf = ({ flow, partition }: PartitionPlace, inputs: WiredInput[], of: string | undefined) =>
  inputs
    .filter(({ broker }) => broker === of)
    .map(({ node, output, stream }) => topics.data(flow, node, output, stream, partition))

/** Zones whose brokers a node's partitions have sessions on, those to come too. */
export const brokersIn = ({
  inputs,
  outputs,
  next,
}: Pick<Wiring, 'inputs' | 'outputs' | 'next'>): string[] => [
  ...new Set(
    [...inputs, ...(next?.inputs ?? []), ...Object.values(outputs).flat()].flatMap(
      ({ broker }) => broker ?? [],
    ),
  ),
]

/** Zone whose broker carries what one node sends to another; undefined: the dataflow's own broker does. */
export type BrokerOf = (producer: string, consumer: string) => string | undefined

/** How a node wants its inputs cut: consumers that want the same share one stream. */
export function streamOf(node: Node): Omit<Stream, 'consumers' | 'window'> {
  const shards = partitionsOf(node)
  const key = node.kind === 'function' ? node.key : undefined
  if (key !== undefined) return { name: `${key}-${shards}`, key, shards }
  return { name: shards === 1 ? 'all' : `any-${shards}`, shards }
}

export const partitionsOf = (node: Node) => (node.kind === 'function' ? node.scale.max : 1)

/** The wiring of every node when everything is up; shape by node name. @throws never */
export function wiringOf(flow: Flow, brokerOf: BrokerOf = () => undefined): Map<string, Content> {
  return new Map(flow.nodes.map(node => [node.name, contentOf(flow, node, brokerOf)]))
}

/** The version of a document that says this. */
export const versionOf = (wiring: Pick<Wiring, 'inputs' | 'outputs' | 'next'>) =>
  brokersIn(wiring).length === 0 ? 1 : 2

const sourceOf = ({ spec, id, time, overflow }: SourceNode): Wiring['source'] => ({
  spec,
  ...(id !== undefined && { id }),
  ...(time !== undefined && { time }),
  overflow,
})

/** Sinks that keep the order of what they are given may be given much at once. */
function concurrencyOf(node: Node): number {
  if (node.kind === 'function') return node.concurrency
  return node.kind === 'sink' && (node.spec.type === 'mqtt' || node.spec.type === 'file') ? 256 : 1
}

/** An MQTT sink waits for its broker, however long, and sends again by itself. */
const retryOf = (node: Node): Retry =>
  node.kind === 'source' || (node.kind === 'sink' && node.spec.type === 'mqtt') ? once : node.retry

const once: Retry = { attempts: 1, backoffMs: 0, timeoutMs: 0, order: 'strict' }

function contentOf(flow: Flow, node: Node, brokerOf: BrokerOf): Content {
  const stream = streamOf(node).name
  const inputs = node.from.map(input => ({
    ...input,
    ...carried(stream, 'stream', brokerOf(input.node, node.name)),
  }))
  const outputs = outputsOf(flow, node.name, brokerOf)
  return {
    v: versionOf({ inputs, outputs }),
    kind: node.kind,
    partitions: partitionsOf(node),
    ...(node.kind === 'function' && node.key !== undefined && { key: node.key }),
    inputs,
    outputs,
    concurrency: concurrencyOf(node),
    retry: retryOf(node),
    ...(node.kind === 'source' && { source: sourceOf(node) }),
    ...(node.kind === 'sink' && { sink: node.spec }),
  }
}

/** The name of a stream that goes by this broker, and the broker. */
const carried = <K extends 'name' | 'stream'>(name: string, as: K, broker: string | undefined) =>
  ({
    [as]: broker === undefined ? name : `${name}@${broker}`,
    ...(broker !== undefined && { broker }),
  }) as Record<K, string> & {
    broker?: string
  }

/** The same stream, were it on the dataflow's own broker. */
export const atHome = ({ broker, name, ...stream }: Stream): Stream => ({
  ...stream,
  name: broker === undefined ? name : name.slice(0, -`@${broker}`.length),
})

function outputsOf(flow: Flow, producer: string, brokerOf: BrokerOf): Record<string, Stream[]> {
  const outputs: Record<string, Stream[]> = {}
  for (const consumer of flow.nodes) {
    for (const input of consumer.from) {
      if (input.node !== producer) continue
      outputs[input.output] ??= []
      const streams = outputs[input.output]!
      const cut = streamOf(consumer)
      const wanted = { ...cut, ...carried(cut.name, 'name', brokerOf(producer, consumer.name)) }
      const window = windowOf(flow, consumer)
      const shared = streams.find(stream => stream.name === wanted.name)
      if (!shared) streams.push({ ...wanted, window, consumers: [consumer.name] })
      else {
        shared.consumers.push(consumer.name)
        shared.window = Math.min(shared.window, window)
      }
    }
  }
  return outputs
}

/** Frames in a partition's queue, all producers together: far below the 1,000 of a default mosquitto. */
const maxQueuedFrames = 64

function windowOf(flow: Flow, consumer: Node): number {
  let lanes = 0
  for (const { node } of consumer.from) lanes += partitionsOf(flow.nodes.find(({ name }) => name === node)!)
  return Math.max(2, Math.floor(maxQueuedFrames / Math.max(1, lanes)))
}
