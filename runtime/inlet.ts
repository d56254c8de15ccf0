import type { SourceSpec } from '../schema/flow.ts'
import type { Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import { redact } from './dial.ts'
import type { Numbering, Reads } from './numbering.ts'
import type { Emit, Feed } from './sources/feed.ts'

export type SourceWiring = NonNullable<Wiring['source']>

/** What lies before a source. */
export interface Feeds {
  /** @param left filters that the session of an MQTT feed may hold, and is to read no more
   *  @param onClosed it has lost its connection, or was stopped */
  feedOf(source: SourceWiring, left: string[], onClosed: (error?: Error) => void): Feed
  /** Ends the session that an MQTT feed has left on a broker. */
  endFeed(broker: string | undefined): Promise<void>
}

interface InletOptions {
  feeds: Feeds
  numbering: Numbering
  log: Logger
  emit: Emit
  /** The feed has lost its connection. Not called once that was stopped. */
  onClosed(error?: Error): void
}

/** Where records come in: by one feed, and by another once the wiring names another place. */
export class Inlet {
  #options: InletOptions
  #feed: Feed | undefined
  #reads = ''
  #ended = false

  constructor(options: InletOptions) {
    this.#options = options
  }

  /** @param source absent: nothing is to be read. @throws when the place cannot be read */
  async follow(source: SourceWiring | undefined): Promise<void> {
    const wanted = source ? JSON.stringify(source) : ''
    if (wanted === this.#reads) return
    await this.#stop()
    this.#reads = wanted
    if (!source) return
    const { numbering } = this.#options
    const reads = readsOf(source.spec)
    const left = await this.#leave(numbering.reads, reads)
    // Who comes after a crash in between knows of both.
    await numbering.read(reads && { ...reads, filters: [...reads.filters, ...left] })
    if (this.#ended) return
    await this.#start(source, left)
    await numbering.read(reads)
  }

  pause() {
    this.#feed?.pause()
  }

  resume() {
    this.#feed?.resume()
  }

  /** For good. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#stop()
  }

  async #start(source: SourceWiring, left: string[]) {
    const { feeds, emit, onClosed } = this.#options
    const feed = feeds.feedOf(source, left, error => {
      if (this.#feed === feed) onClosed(error)
    })
    this.#feed = feed
    await feed.start(emit)
  }

  async #stop() {
    const feed = this.#feed
    this.#feed = undefined
    await feed?.stop()
  }

  /** What waits under the filters of before still comes; it is not known that of another broker nobody else waits.
   *  @returns filters that the session to come is to leave */
  async #leave(before: Reads | undefined, now: Reads | undefined): Promise<string[]> {
    if (!before) return []
    if (now && now.broker === before.broker)
      return before.filters.filter(filter => !now.filters.includes(filter))
    const { log, feeds } = this.#options
    const broker = before.broker === undefined ? 'the one of the dataflow' : redact(before.broker)
    if (now) {
      const hint = 'it keeps what comes for it: end it there, unless it is the same broker by another name'
      log.warn('the session on the broker of before is left', { broker, hint })
      return []
    }
    await feeds.endFeed(before.broker).catch((error: Error) => {
      log.warn('the session on the broker of before cannot be ended', { broker, error: error.message })
    })
    return []
  }
}

const readsOf = (spec: SourceSpec): Reads | undefined =>
  spec.type === 'mqtt'
    ? { filters: [spec.filter], ...(spec.broker !== undefined && { broker: spec.broker }) }
    : undefined
