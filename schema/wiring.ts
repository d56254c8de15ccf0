import type { Flow, Node, Retry, SinkSpec, SourceNode } from './flow.ts'
import { type Cut, topics } from './topics.ts'

/** The retained document at `topics.wiring`: all that a host knows of the graph around it. */
export interface Wiring {
  v: 1
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
}

export interface NextCut extends Cut {
  inputs: WiredInput[]
}

export interface WiredInput {
  node: string
  output: string
  stream: string
}

export interface Stream {
  name: string
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

/** The topic filters that the session of a partition holds. @param name see `partitionName` */
export const subscriptionsOf = (
  { flow, node, partition, name }: { flow: string; node: string; partition: number; name: string },
  { inputs }: Pick<Wiring, 'inputs'>,
) => [
  ...inputs.map(input => topics.data(flow, input.node, input.output, input.stream, partition)),
  topics.wiring(flow, node),
  topics.replay(flow, node, name),
  topics.due(flow, 'timer', node, name),
  topics.due(flow, 'retry', node, name),
]

/** How a node wants its inputs cut: consumers that want the same share one stream. */
export function streamOf(node: Node): Omit<Stream, 'consumers' | 'window'> {
  const shards = partitionsOf(node)
  const key = node.kind === 'function' ? node.key : undefined
  if (key !== undefined) return { name: `${key}-${shards}`, key, shards }
  return { name: shards === 1 ? 'all' : `any-${shards}`, shards }
}

export const partitionsOf = (node: Node) => (node.kind === 'function' ? node.scale.max : 1)

/** The wiring of every node when everything is up; shape by node name. @throws never */
export function wiringOf(flow: Flow): Map<string, Content> {
  return new Map(flow.nodes.map(node => [node.name, contentOf(flow, node)]))
}

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

function contentOf(flow: Flow, node: Node): Content {
  const stream = streamOf(node).name
  return {
    v: 1,
    kind: node.kind,
    partitions: partitionsOf(node),
    ...(node.kind === 'function' && node.key !== undefined && { key: node.key }),
    inputs: node.from.map(input => ({ ...input, stream })),
    outputs: outputsOf(flow, node.name),
    concurrency: concurrencyOf(node),
    retry: retryOf(node),
    ...(node.kind === 'source' && { source: sourceOf(node) }),
    ...(node.kind === 'sink' && { sink: node.spec }),
  }
}

function outputsOf(flow: Flow, producer: string): Record<string, Stream[]> {
  const outputs: Record<string, Stream[]> = {}
  for (const consumer of flow.nodes) {
    for (const input of consumer.from) {
      if (input.node !== producer) continue
      outputs[input.output] ??= []
      const streams = outputs[input.output]!
      const wanted = streamOf(consumer)
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
