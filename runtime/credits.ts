import { partitionNames, topics } from '../schema/topics.ts'
import { cutOf, type Stream } from '../schema/wiring.ts'
import { type Credit, type CursorDocument, Progress, parseCursor } from './cursor.ts'
import type { RetainedTopics } from './retained-topics.ts'
import type { Message } from './transport.ts'

interface Heard extends Credit, Pick<CursorDocument, 'commit' | 'round'> {}

/** How far the consumers of a host's outputs have come, from the cursors that they retain. */
export class Credits {
  #flow: string
  #onCredit: (consumer: string, partition: string) => void
  /** By topic. */
  #wanted = new Map<string, { consumer: string; partition: string }>()
  /** By consumer and partition: every frame asks. */
  #credits = new Map<string, Map<string, Heard>>()
  #control: RetainedTopics | undefined

  constructor(flow: string, onCredit: (consumer: string, partition: string) => void) {
    this.#flow = flow
    this.#onCredit = onCredit
  }

  /** @param partition its name, see `partitionName` */
  creditOf = (consumer: string, partition: string) => this.#credits.get(consumer)?.get(partition)

  /** A new connection knows no subscription. */
  async attach(control: RetainedTopics) {
    this.#control = control
    if (this.#wanted.size > 0) await control.subscribe([...this.#wanted.keys()], 0)
  }

  /** @param streams of what is in effect, and of what will be */
  want(streams: Stream[]) {
    const before = this.#wanted
    this.#wanted = new Map()
    for (const { consumers, ...cut } of streams) {
      const partitions = partitionNames(cutOf(cut))
      for (const consumer of consumers) {
        for (const partition of partitions)
          this.#wanted.set(topics.credit(this.#flow, consumer, partition), { consumer, partition })
      }
    }
    const added = [...this.#wanted.keys()].filter(topic => !before.has(topic))
    const removed = [...before.keys()].filter(topic => !this.#wanted.has(topic))
    for (const topic of removed) {
      const { consumer, partition } = before.get(topic)!
      this.#credits.get(consumer)?.delete(partition)
    }
    // A failure means that the connection is gone: `attach` subscribes again.
    if (added.length > 0) this.#control?.subscribe(added, 0).catch(() => {})
    if (removed.length > 0) this.#control?.unsubscribe(removed).catch(() => {})
  }

  /** What these consumers retain is brought once more: a broker drops messages of QoS 0 for who is slow to read, and of a
   *  consumer that has finished all that it was sent, no other comes. */
  again(consumers: string[]) {
    const filters = [...this.#wanted].flatMap(([topic, { consumer }]) =>
      consumers.includes(consumer) ? [topic] : [],
    )
    if (filters.length > 0) this.#control?.subscribe(filters, 0).catch(() => {}) // the connection is gone
  }

  /** @returns whether the message was about credit */
  hear({ topic, payload, retain }: Message): boolean {
    if (!topic.startsWith(topics.credit(this.#flow, '', '').slice(0, -1))) return false
    const place = this.#wanted.get(topic)
    if (!place || payload.length === 0) return true
    try {
      const { lanes, frames, commit, round } = parseCursor(payload)
      const { consumer, partition } = place
      const known = this.#credits.get(consumer)?.get(partition)
      if (retain && known && known.round === round && commit < known.commit) return true
      if (!this.#credits.has(consumer)) this.#credits.set(consumer, new Map())
      this.#credits.get(consumer)!.set(partition, {
        progress: new Progress(lanes),
        // Absent: of a host of before. Anything but a number is a foreign client's.
        frames: Number.isSafeInteger(frames) ? frames! : 1,
        commit,
        round,
      })
    } catch {
      return true // a foreign client's: the next cursor sets it right
    }
    this.#onCredit(place.consumer, place.partition)
    return true
  }
}
