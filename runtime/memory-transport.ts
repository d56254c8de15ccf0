import { matches } from './topic-filter.ts'
import type { Connection, ConnectOptions, Message, Transport } from './transport.ts'

interface Session {
  filters: Map<string, 0 | 1>
  /** Not yet acknowledged, oldest first. */
  queue: { topic: string; payload: Buffer; retain: boolean }[]
  live?: { options: ConnectOptions; end(error?: Error): void }
}

/** A broker inside the process, for tests without one: durable sessions, takeover, retained messages, wills. */
export class MemoryTransport implements Transport {
  #sessions = new Map<string, Session>()
  #retained = new Map<string, Buffer>()

  async connect(options: ConnectOptions): Promise<Connection> {
    const old = this.#sessions.get(options.clientId)
    old?.live?.end(new Error('another connection took the session over'))
    const kept = options.clean ? undefined : old
    const session: Session = kept ?? { filters: new Map(), queue: [] }
    this.#sessions.set(options.clientId, session)
    const connection = this.#connection(session, options, kept !== undefined)
    for (const message of session.queue) this.#deliver(session, message)
    return connection
  }

  retained(filter: string): { topic: string; payload: Buffer }[] {
    if (!/[+#]/.test(filter)) {
      const payload = this.#retained.get(filter)
      return payload ? [{ topic: filter, payload }] : []
    }
    return [...this.#retained]
      .filter(([topic]) => matches(filter, topic))
      .map(([topic, payload]) => ({ topic, payload }))
  }

  publish(topic: string, payload: string | Buffer, retain = false) {
    const bytes = Buffer.from(payload)
    if (retain && bytes.length === 0) this.#retained.delete(topic)
    else if (retain) this.#retained.set(topic, bytes)
    for (const session of this.#sessions.values()) {
      const qos = qosFor(session, topic)
      if (qos !== undefined) this.#enqueue(session, { topic, payload: bytes, retain: false }, qos)
    }
  }

  #enqueue(session: Session, message: Session['queue'][number], qos: 0 | 1) {
    if (qos === 1) session.queue.push(message)
    this.#deliver(session, message)
  }

  #deliver(session: Session, message: Session['queue'][number]) {
    const live = session.live
    if (!live) return
    queueMicrotask(() => {
      if (session.live !== live) return
      const ack = () => {
        if (session.live !== live) return
        const place = session.queue.indexOf(message)
        if (place >= 0) session.queue.splice(place, 1)
      }
      live.options.onMessage({ ...message, ack } satisfies Message)
    })
  }

  #connection(session: Session, options: ConnectOptions, sessionPresent: boolean): Connection {
    const end = (error?: Error) => {
      if (session.live !== live) return
      session.live = undefined
      if (options.clean) this.#sessions.delete(options.clientId)
      if (error && options.will) this.publish(options.will.topic, options.will.payload, true)
      options.onClose(error)
    }
    const live = { options, end }
    session.live = live
    const check = () => {
      if (session.live !== live) throw new Error('the connection is closed')
    }
    return {
      sessionPresent,
      subscribe: async (filters, qos) => {
        check()
        for (const filter of filters) {
          session.filters.set(filter, qos)
          for (const { topic, payload } of this.retained(filter)) {
            this.#enqueue(session, { topic, payload, retain: true }, qos)
          }
        }
      },
      unsubscribe: async filters => {
        check()
        for (const filter of filters) session.filters.delete(filter)
      },
      publish: async (topic, payload, { retain = false } = {}) => {
        check()
        this.publish(topic, payload, retain)
      },
      ping: async () => 0,
      pause() {},
      resume() {},
      close: async () => end(),
    }
  }
}

function qosFor(session: Session, topic: string): 0 | 1 | undefined {
  const exact = session.filters.get(topic)
  if (exact !== undefined) return exact
  for (const [filter, qos] of session.filters) if (matches(filter, topic)) return qos
  return undefined
}
