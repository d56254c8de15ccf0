import { brokersIn, subscriptionsByBroker, type Wiring } from '../schema/wiring.ts'
import type { Logger } from './context.ts'
import type { CursorDocument } from './cursor.ts'
import type { Place } from './place.ts'
import type { Sessions } from './sessions.ts'
import type { Connection } from './transport.ts'

interface HoldingsOptions extends Place {
  sessions: Sessions
  log: Logger
}

/** What the sessions of a partition on brokers of zones subscribe to, as its wiring says and its cursor remembers. */
export class Holdings {
  #options: HoldingsOptions
  /** By zone whose broker is connected: the filters that the session there holds. */
  #held = new Map<string, string[]>()

  constructor(options: HoldingsOptions) {
    this.#options = options
  }

  /** Takes over the sessions that a wiring names. @param cursor of who held them before */
  async reach(wiring: Wiring, { brokers }: Pick<CursorDocument, 'brokers'>): Promise<void> {
    const { sessions, log } = this.#options
    for (const broker of brokersIn(wiring)) {
      if (this.#held.has(broker)) continue
      const { sessionPresent } = await sessions.reach(broker)
      const before = brokers?.[broker] ?? []
      this.#held.set(broker, sessionPresent ? before : [])
      if (!sessionPresent && before.length > 0)
        log.error('the broker of a zone has lost a session', {
          zone: broker,
          hint: 'what was queued there is lost: let the broker keep sessions',
        })
    }
  }

  /** Subscribes to what a wiring reads, and lets go of sessions that it does not name. All that it names are reached. */
  async follow(wiring: Wiring, cursor: Pick<CursorDocument, 'brokers'>): Promise<void> {
    const { sessions } = this.#options
    const wanted = subscriptionsByBroker(this.#options, wiring)
    for (const [broker, held] of this.#held) {
      const filters = wanted[broker]
      await resubscribe(sessions.to(broker), held, filters ?? [])
      if (filters === undefined) {
        this.#held.delete(broker)
        await sessions.leave(broker)
      } else {
        this.#held.set(broker, filters)
        sessions.marks(broker, filters.length > 0)
      }
    }
    if (this.#held.size > 0) cursor.brokers = wanted
    else delete cursor.brokers
  }
}

/** @param held filters that the session has now */
export async function resubscribe(connection: Connection, held: string[], wanted: string[]): Promise<void> {
  const added = wanted.filter(filter => !held.includes(filter))
  const removed = held.filter(filter => !wanted.includes(filter))
  if (added.length > 0) await connection.subscribe(added, 1)
  if (removed.length > 0) await connection.unsubscribe(removed)
}
