import { topics } from '../schema/topics.ts'
import type { Stream } from '../schema/wiring.ts'
import { Progress, parseCursor } from './cursor.ts'
import type { Connection } from './transport.ts'

/** How far the consumers of a host's outputs have come, from the cursors that they retain. */
export class Credits {
  #flow: string
  #onCredit: (consumer: string, shard: number) => void
  #wanted = new Map<string, { consumer: string; shard: number }>()
  #progress = new Map<string, Progress>()
  #control: Connection | undefined

  constructor(flow: string, onCredit: (consumer: string, shard: number) => void) {
    this.#flow = flow
    this.#onCredit = onCredit
  }

  progressOf = (consumer: string, shard: number) =>
    this.#progress.get(topics.credit(this.#flow, consumer, shard))

  /** A new connection knows no subscription. */
  async attach(control: Connection) {
    this.#control = control
    if (this.#wanted.size > 0) await control.subscribe([...this.#wanted.keys()], 0)
  }

  want(outputs: Record<string, Stream[]>) {
    const before = this.#wanted
    this.#wanted = new Map()
    for (const { consumers, shards } of Object.values(outputs).flat()) {
      for (const consumer of consumers) {
        for (let shard = 0; shard < shards; shard++) {
          this.#wanted.set(topics.credit(this.#flow, consumer, shard), { consumer, shard })
        }
      }
    }
    const added = [...this.#wanted.keys()].filter(topic => !before.has(topic))
    const removed = [...before.keys()].filter(topic => !this.#wanted.has(topic))
    for (const topic of removed) this.#progress.delete(topic)
    // A failure means that the connection is gone: `attach` subscribes again.
    if (added.length > 0) this.#control?.subscribe(added, 0).catch(() => {})
    if (removed.length > 0) this.#control?.unsubscribe(removed).catch(() => {})
  }

  /** @returns whether the message was about credit */
  hear(topic: string, payload: Buffer): boolean {
    if (!topic.startsWith(topics.credit(this.#flow, '', 0).slice(0, -2))) return false
    const place = this.#wanted.get(topic)
    if (!place || payload.length === 0) return true
    try {
      this.#progress.set(topic, new Progress(parseCursor(payload).lanes))
    } catch {
      return true // a foreign client's: the next cursor sets it right
    }
    this.#onCredit(place.consumer, place.shard)
    return true
  }
}
