import type { SourceSpec } from '../schema/flow.ts'
import type { Logger } from './context.ts'
import { redact } from './dial.ts'
import type { Numbering, Reads } from './numbering.ts'
import type { Emit, Feed } from './sources/feed.ts'
import { overlap } from './topic-filter.ts'

/** What lies before a source. */
export interface Feeds {
  feedOf(spec: SourceSpec, options: FeedOptions): Feed
  /** Ends the session that an MQTT feed has left on a broker. */
  endFeed(broker: string | undefined): Promise<void>
}

export interface FeedOptions {
  /** Filters that the session of an MQTT feed may hold, and is to read no more. */
  left: string[]
  /** See `Wiring`: the dataflow's broker may bring a session nothing. */
  unordered: boolean
  /** It has lost its connection, or was stopped. */
  onClosed(error?: Error): void
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
  /** As the wiring has it. */
  #place = ''
  #isPaused = false
  #ended = false

  constructor(options: InletOptions) {
    this.#options = options
  }

  /** @param spec absent: nothing is to be read. @param unordered see `Wiring`: such a broker deletes with a
   *  subscription what waits for it, and may bring a session nothing. @throws when the place cannot be read */
  async follow(spec: SourceSpec | undefined, unordered = false): Promise<void> {
    const place = spec ? JSON.stringify(spec) : ''
    if (place === this.#place) return
    const { numbering } = this.#options
    const reads = spec && readsOf(spec)
    // What is under way would come again through a connection of its own.
    const feed = reads && numbering.reads?.broker === reads.broker ? this.#feed : undefined
    if (!feed?.turn) await this.#stop()
    this.#place = place
    if (!spec) return
    const left = await this.#leave(numbering.reads, reads)
    // Who comes after a crash in between knows of both.
    await numbering.setReads(reads && { ...reads, filters: [...reads.filters, ...left] })
    if (this.#ended) return
    const isLater = unordered && left.length > 0 && mayStay(left, reads!)
    const leftNow = isLater ? [] : left
    const next = feed?.turn && reads ? feed : this.#feedOf(spec, leftNow, unordered)
    const readUp = isLater ? next.readUp!(left) : undefined
    if (next === feed) await next.turn!(reads!.filters[0]!, leftNow)
    else await next.start(this.#options.emit)
    if (!readUp) return numbering.setReads(reads)
    this.#leaveLater(readUp, reads!, left).catch(() => {}) // the connection is gone, and this source's turn with it
  }

  /** Whatever is read meanwhile. */
  pause() {
    this.#isPaused = true
    this.#feed?.pause()
  }

  resume() {
    this.#isPaused = false
    this.#feed?.resume()
  }

  /** For people. */
  get waitingFor() {
    return this.#feed?.waitingFor ?? []
  }

  /** For good. */
  async end(): Promise<void> {
    this.#ended = true
    await this.#stop()
  }

  #feedOf(spec: SourceSpec, left: string[], unordered: boolean): Feed {
    const { feeds, onClosed } = this.#options
    const feed = feeds.feedOf(spec, {
      left,
      unordered,
      onClosed: error => {
        if (this.#feed === feed) onClosed(error)
      },
    })
    this.#feed = feed
    if (this.#isPaused) feed.pause()
    return feed
  }

  async #leaveLater(readUp: Promise<boolean>, reads: Reads, left: string[]) {
    const { log, numbering } = this.#options
    const [feed, place] = [this.#feed, this.#place]
    const isOver = () => this.#feed !== feed || this.#place !== place
    log.info('what waits under the topic of before is read first', { topic: left })
    const isAll = await readUp
    if (isOver()) return
    await feed!.turn!(reads.filters[0]!, left)
    if (!isAll) {
      const hint = 'much came for a minute: the broker deletes with the subscription what still waited'
      log.warn('the topic of before is left', { topic: left, hint })
    }
    if (!isOver()) await numbering.setReads(reads)
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

/** What comes by two subscriptions at once would be two records. */
const mayStay = (left: string[], { broker, filters }: Reads) =>
  broker === undefined && !left.some(one => filters.some(other => overlap(one, other)))
