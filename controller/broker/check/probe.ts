import { randomUUID } from 'node:crypto'
import type { Connection, Message } from '../../../runtime/transport.ts'
import { wireTransport } from '../../../runtime/wire-transport.ts'

/** What a broker does that breaks a promise, and what to set. */
export interface Unfit {
  what: string
  hint: string
}

/** How long a healthy broker may take for one answer. A slow one that brings one message after the other is waited for. */
const patienceMs = 3_000

/** Connections, topics and session IDs of one check, all its own, and all gone after it. */
export class Probe {
  readonly root = `dyninka/_check/${randomUUID().slice(0, 8)}`
  readonly session = this.root.replaceAll('/', '_')
  #url: string
  #connections: Connection[] = []

  constructor(url: string) {
    this.#url = url
  }

  /** A connection and what came on it. Nothing is acknowledged unless `ack` is called. */
  async open(clientId = `${this.session}-${randomUUID().slice(0, 8)}`, clean = true): Promise<Line> {
    const messages: Message[] = []
    let changed = () => {}
    const line: Partial<Line> & { closed: boolean } = { messages, closed: false }
    const connection = await wireTransport(this.#url).connect({
      clientId,
      clean,
      onMessage(message) {
        messages.push(message)
        changed()
      },
      onClose() {
        line.closed = true
        changed()
      },
    })
    this.#connections.push(connection)
    return Object.assign(line, {
      connection,
      until: (holds: () => boolean, waitMs = patienceMs) =>
        new Promise<boolean>(resolve => {
          const settle = (outcome: boolean) => {
            clearTimeout(timer)
            changed = () => {}
            resolve(outcome)
          }
          const timer = setTimeout(() => settle(false), waitMs)
          changed = () => {
            timer.refresh()
            if (holds()) settle(true)
          }
          changed()
        }),
    }) as Line
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map(connection => connection.close().catch(() => {})))
  }
}

export interface Line {
  connection: Connection
  messages: Message[]
  closed: boolean
  /** @returns whether it came to hold before nothing happened for so long; looked at whenever a message comes or the
   *  connection ends */
  until(holds: () => boolean, waitMs?: number): Promise<boolean>
}
