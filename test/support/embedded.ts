import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { embeddedBroker, stopEmbeddedBroker } from '../../controller/broker/embedded-broker.ts'
import { readRetained } from '../../runtime/retained.ts'
import type { Connection, ConnectOptions } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { until } from './controlled.ts'

/** An embedded broker in a folder of its own, and who is connected to it. */
export class Embedded {
  readonly connections: Connection[] = []
  readonly state: string
  url: string

  static async start(): Promise<Embedded> {
    const state = await mkdtemp(join(tmpdir(), 'dyninka-'))
    return new Embedded(state, (await embeddedBroker(state)).url)
  }

  private constructor(state: string, url: string) {
    this.state = state
    this.url = url
  }

  async open(clientId: string, more: Partial<ConnectOptions> = {}): Promise<Connection> {
    const connection = await wireTransport(this.url).connect({
      clientId,
      clean: true,
      onMessage() {},
      onClose() {},
      ...more,
    })
    this.connections.push(connection)
    return connection
  }

  /** What is retained comes when the broker gets to it: a machine that is busy takes longer than a reader waits. */
  async untilRetained(filter: string, expected: Record<string, string>): Promise<void> {
    const read = async () => {
      const found: Record<string, string> = {}
      await readRetained(wireTransport(this.url), [filter], {
        patienceMs: 0,
        take(topic, payload) {
          found[topic] = payload.toString()
          return false
        },
      })
      return found
    }
    await until(`${JSON.stringify(expected)} is retained`, async () =>
      isDeepStrictEqual(await read(), expected),
    )
  }

  /** Closes what is connected, and forgets these sessions. */
  async clear(...sessions: string[]): Promise<void> {
    for (const connection of this.connections.splice(0)) await connection.close().catch(() => {})
    for (const id of sessions) await (await this.open(id)).close()
    this.connections.length = 0
  }

  async remove(): Promise<void> {
    await stopEmbeddedBroker(this.state)
    await rm(this.state, { recursive: true, force: true, maxRetries: 3 })
  }
}
