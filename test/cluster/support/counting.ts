import { setTimeout as sleep } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import * as assert from 'uvu/assert'

/** What a function tells of a record that it has handled. */
export interface Counted {
  by: string
  k: number
  n: number
  /** How many of its key came before, by the function's state. */
  count: number
  /** Node of the cluster. */
  at: string
}

const keys = 4
const where =
  '(globalThis as unknown as { process: { env: Record<string, string> } }).process.env.DYNINKA_NODE!'

/** A function that counts by key, tells of each record, and is called what its environment says as `BY`. */
export const countCode = `import type { Context } from 'dyninka'
export interface Counted { by: string; k: number; n: number; count: number; at: string }
let isFirst = true
export default function count({ k, n }: { k: number; n: number }, ctx: Context<{ state: number }>): Counted {
  if (isFirst) ctx.log.info('began')
  isFirst = false
  ctx.state = (ctx.state ?? 0) + 1
  return { by: ctx.env.BY!, k, n, count: ctx.state, at: ${where} }
}
`

/** 20 records a second from outside, and what functions tell of them. */
export class Counting {
  readonly #client: MqttClient
  readonly told: Counted[] = []
  sent = 0
  #isOver = false
  #sending: Promise<void> = Promise.resolve()

  /** Sends to `NAME/in`, and hears `NAME/counted`. @param others what else is to be heard from the first record on, by topic */
  static async start(
    url: string,
    name: string,
    others: Record<string, (payload: string) => void> = {},
  ): Promise<Counting> {
    const client = await connectAsync(url, { protocolVersion: 4 })
    const counting = new Counting(client)
    const heard = {
      [`${name}/counted`]: (payload: string) => void counting.told.push(JSON.parse(payload)),
      ...others,
    }
    client.on('message', (topic, payload) => heard[topic]?.(payload.toString()))
    await client.subscribeAsync(Object.keys(heard), { qos: 1 })
    counting.#sending = counting.#send(`${name}/in`)
    return counting
  }

  private constructor(client: MqttClient) {
    this.#client = client
  }

  async #send(topic: string) {
    for (; !this.#isOver; await sleep(50)) {
      const n = this.sent
      await this.#client.publishAsync(topic, JSON.stringify({ k: n % keys, n }), { qos: 1 })
      this.sent += 1
    }
  }

  of = (by: string) => this.told.filter(record => record.by === by)
  /** On which node the last record was handled. */
  at = (by: string) => this.of(by).at(-1)?.at

  /** Sends no more. */
  async end(): Promise<void> {
    this.#isOver = true
    await this.#sending
  }

  async close(): Promise<void> {
    await this.end()
    await this.#client.endAsync(true)
  }

  /** Once all has come. @throws where something was lost, came twice or out of order, or the state has it otherwise */
  check(by: string): void {
    for (let k = 0; k < keys; k++) {
      const told = this.of(by).filter(record => record.k === k)
      const sent = Array.from({ length: this.sent }, (_, n) => n).filter(n => n % keys === k)
      assert.equal(
        told.map(({ n }) => n),
        sent,
        `${by}: nothing lost, nothing twice, and in order`,
      )
      assert.equal(
        told.map(({ count }) => count),
        told.map((_, i) => i + 1),
        `${by}: and the state has it so`,
      )
    }
  }
}
