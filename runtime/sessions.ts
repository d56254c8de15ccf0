import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Session } from './inbox.ts'
import type { Connection, ConnectOptions, Message, Transport } from './transport.ts'

/** To the dataflow's own broker, and to those of zones by the names that wirings call them. */
export interface Brokers {
  transport: Transport
  /** @throws for a name that this host was not told of. Absent: there is none */
  transportOf?(broker: string): Transport
}

export interface SessionsOptions extends Brokers, Pick<ConnectOptions, 'clientId' | 'nudge'> {
  /** On brokers of zones: see `topics.mark`. */
  mark: string
  /** Whether a message of the dataflow's own broker is to come after all that other brokers had queued by then. Asked once
   *  `ready`. Absent: there is none such */
  isBarrier?(message: Message): boolean
  /** A barrier waits: all of its session that was before it has come. */
  onBarrier?(): void
  /** @param session by zone whose broker brought it */
  onMessage(message: Message, session: Session): void
  /** One of them is lost, and so all are given up. Called once; not after `close`. */
  onClose(error?: Error): void
}

const minWaitMs = 100
const maxWaitMs = 2_000

/**
 * What one owner of a partition holds: its session on the dataflow's own broker, and one under the same client ID on each
 * broker of a zone that its inputs or outputs go by.
 *
 * The first says who owns the partition: it is taken over before the others are, and what is stored is stored there. An
 * owner that loses any of them gives up all.
 */
export class Sessions {
  #options: SessionsOptions
  #home!: Connection
  #others = new Map<string, Connection>()
  #leaving = new Set<string>()
  /** Brokers that are asked again and again. */
  #unreached = new Set<string>()
  #closed = false
  #isReady = false
  /** Messages that wait until other brokers have brought what they had queued. */
  #held: Message[] | undefined
  /** By broker: the mark that has not come yet. */
  #marks = new Map<string, string>()
  /** Brokers whose session gets marks. */
  #marked = new Set<string>()

  constructor(options: SessionsOptions) {
    this.#options = options
  }

  /** Takes over the session on the dataflow's own broker. @throws when it refuses */
  async open(): Promise<Connection> {
    this.#home = await this.#connect(this.#options.transport, message => this.hear(message))
    return this.#home
  }

  /** Resolves once all of them answer, before anything is taken from who works: who can't reach one is no better.
   *  @throws when it is closed meanwhile */
  async await(brokers: Iterable<string>): Promise<void> {
    for (const broker of brokers) {
      const connection = await this.#retrying(broker, transport =>
        transport.connect({
          clientId: `dyninka-look-${randomUUID()}`,
          clean: true,
          onMessage() {},
          onClose() {},
        }),
      )
      void connection.close()
    }
  }

  /** Takes over the session on the broker of a zone, however long that takes to answer. @throws when it is closed
   *  meanwhile */
  async reach(broker: string): Promise<Connection> {
    const known = this.#others.get(broker)
    if (known) return known
    const connection = await this.#retrying(broker, transport =>
      this.#connect(transport, message => this.#options.onMessage(message, broker), broker),
    )
    this.#others.set(broker, connection)
    return connection
  }

  /** @param broker undefined for the dataflow's own. It has been reached */
  to(broker: string | undefined): Connection {
    return broker === undefined ? this.#home : this.#others.get(broker)!
  }

  /** From now on what comes on the barrier comes through: the sessions are as the wiring in effect says. */
  ready() {
    this.#isReady = true
    const held = this.#held ?? []
    this.#held = undefined
    for (const message of held) this.hear(message)
  }

  /** @param hears whether the session there holds the subscription to marks: no other can have anything queued */
  marks(broker: string, hears: boolean) {
    if (hears) return void this.#marked.add(broker)
    this.#marked.delete(broker)
    this.#marks.delete(broker)
    this.#release()
  }

  /** Sends a mark through each session that gets any. @returns those sent, with the zone of the broker */
  async mark(): Promise<[mark: string, broker: string][]> {
    return Promise.all(
      [...this.#marked].map(async broker => {
        const mark = randomUUID()
        await this.to(broker).publish(this.#options.mark, mark)
        return [mark, broker] as [string, string]
      }),
    )
  }

  /** Several sessions bring something. */
  get areSeveral() {
    return this.#marked.size > 0
  }

  /** What was queued before this mark has been opened. */
  passed(mark: string) {
    for (const [broker, awaited] of this.#marks) {
      if (awaited !== mark) continue
      this.#marks.delete(broker)
      this.#release()
    }
  }

  /** Nothing more comes or goes by this broker: its session holds no subscription any more. */
  async leave(broker: string): Promise<void> {
    const connection = this.#others.get(broker)
    this.#others.delete(broker)
    this.#leaving.add(broker)
    await connection?.close()
    this.#leaving.delete(broker)
    this.marks(broker, false)
  }

  /** Brokers that do not answer, for people. */
  get waitingFor(): string[] {
    return [...this.#unreached].map(broker => `the broker of zone ${broker}, which does not answer`)
  }

  async close(): Promise<void> {
    this.#closed = true
    const all = [this.#home, ...this.#others.values()]
    this.#others.clear()
    await Promise.all(all.map(connection => connection?.close()))
  }

  async #connect(
    transport: Transport,
    onMessage: (message: Message) => void,
    broker?: string,
  ): Promise<Connection> {
    const { clientId, nudge } = this.#options
    const connection = await transport.connect({
      clientId,
      clean: false,
      ...(nudge !== undefined && { nudge }),
      onMessage: message => this.#closed || onMessage(message),
      onClose: error => (broker !== undefined && this.#leaving.has(broker)) || this.#lost(error),
    })
    if (this.#closed) {
      await connection.close()
      throw new Error('the connection is closed')
    }
    return connection
  }

  async #retrying(broker: string, connect: (transport: Transport) => Promise<Connection>) {
    const transport = this.#options.transportOf?.(broker)
    if (!transport) throw unknownBroker(broker)
    for (let waitMs = minWaitMs; ; waitMs = Math.min(maxWaitMs, waitMs * 2)) {
      if (this.#closed) throw new Error('the connection is closed')
      try {
        const connection = await connect(transport)
        this.#unreached.delete(broker)
        return connection
      } catch (error) {
        if (this.#closed) throw error
        this.#unreached.add(broker)
      }
      await sleep(waitMs)
    }
  }

  #lost(error?: Error) {
    if (this.#closed) return
    void this.close()
    this.#options.onClose(error)
  }

  /** What comes by the dataflow's own broker. */
  hear(message: Message) {
    if (this.#held) return void this.#held.push(message)
    const { isBarrier, onBarrier, onMessage } = this.#options
    if (!isBarrier || (this.#isReady && (this.#marked.size === 0 || !isBarrier(message))))
      return onMessage(message, undefined)
    this.#held = [message]
    if (!this.#isReady) return
    this.#raise()
    onBarrier?.()
  }

  /** Sends a mark through each session, behind all that is queued there. */
  #raise() {
    for (const broker of this.#marked) {
      const mark = randomUUID()
      this.#marks.set(broker, mark)
      this.to(broker)
        .publish(this.#options.mark, mark)
        .catch(() => {}) // the connection is gone, and all others with it
    }
  }

  /** What was held back comes, up to the next barrier. */
  #release() {
    if (!this.#held || !this.#isReady || this.#marks.size > 0) return
    const [first, ...rest] = this.#held
    this.#held = undefined
    this.#options.onMessage(first!, undefined)
    for (const message of rest) this.hear(message)
  }
}

export const unknownBroker = (broker: string) =>
  new Error(
    `the wiring names the broker of zone ${broker}, of which this host was not told: declare it with --zone-broker ${broker}=URL, or in spec.broker.zones`,
  )
