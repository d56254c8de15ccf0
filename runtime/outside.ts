import type { SourceSpec } from '../schema/flow.ts'
import { intakeSessionId, topics } from '../schema/topics.ts'
import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { FeedOptions, Feeds } from './inlet.ts'
import { type Sink, sinkOf } from './sinks/sink.ts'
import type { Feed } from './sources/feed.ts'
import { HttpFeed } from './sources/http-feed.ts'
import { MqttFeed } from './sources/mqtt-feed.ts'
import { TimerFeed } from './sources/timer-feed.ts'
import type { RoundTrip, Transport, Way } from './transport.ts'

interface OutsideOptions {
  flow: string
  node: string
  host: string
  transport: Transport
  /** For a source or sink that names a broker of its own. */
  transportTo(url: string): Transport
  log: Logger
  /** Address on which an HTTP source listens; `*` for all. */
  listen?: string
  /** Counts what a sink has sent. */
  sent(bytes: number): void
}

/** What lies outside the graph, as a host's wiring names it: where a source's records come from, where a sink's go. */
export class Outside implements Feeds {
  #options: OutsideOptions
  #sink: { spec: string; sink: Sink } | undefined
  #feed: Feed | undefined

  constructor(options: OutsideOptions) {
    this.#options = options
  }

  feedOf(spec: SourceSpec, { left, unordered, onClosed }: FeedOptions): Feed {
    const { flow, node, listen = '127.0.0.1' } = this.#options
    if (spec.type === 'every') return new TimerFeed(spec.intervalMs)
    if (spec.type === 'http') return new HttpFeed(spec, listen)
    this.#feed = new MqttFeed({
      ...this.#wayTo(spec.broker),
      clientId: intakeSessionId(flow, node),
      filter: spec.filter,
      left,
      ...(unordered && spec.broker === undefined && { mark: topics.due(flow, 'retry', node, 'in') }),
      onClosed,
    })
    return this.#feed
  }

  async endFeed(broker: string | undefined): Promise<void> {
    const { flow, node } = this.#options
    const { transport } = this.#wayTo(broker)
    const session = { clientId: intakeSessionId(flow, node), clean: true }
    const connection = await transport.connect({ ...session, onMessage() {}, onClose() {} })
    await connection.close()
  }

  /** The same for all partitions, until the wiring names another. */
  sinkFor(wiring: Wiring): Sink {
    const { flow, node, host, log, sent } = this.#options
    const spec = JSON.stringify(wiring.sink)
    if (this.#sink?.spec !== spec) {
      void this.#sink?.sink.close()
      const clientId = `dyninka_${flow}_${node}_out_${host}`
      const wayTo = (broker?: string) => this.#wayTo(broker)
      this.#sink = { spec, sink: sinkOf(wiring.sink!, { clientId, log, wayTo, sent }) }
    }
    return this.#sink.sink
  }

  /** To the broker of the outside, through the connection that carries records. */
  async roundTrip(): Promise<RoundTrip | undefined> {
    return (this.#feed ?? this.#sink?.sink)?.roundTrip?.()
  }

  async close(): Promise<void> {
    await this.#sink?.sink.close()
  }

  /** To the broker of the outside. The topic for nudges is ours on the dataflow's own broker only. */
  #wayTo(broker: string | undefined): Way {
    const { flow, transport, transportTo } = this.#options
    return broker ? { transport: transportTo(broker) } : { transport, nudge: topics.nudge(flow) }
  }
}
