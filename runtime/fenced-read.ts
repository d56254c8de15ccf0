import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { RetainedRead } from './retained.ts'
import type { Connection, Transport } from './transport.ts'

interface FencedRead {
  transport: Transport
  /** Not used yet: dialled while the session was taken over. */
  reading: RetainedRead
  /** The session whose owner asks: nobody else can write any more. */
  connection: Connection
  /** Where the owner marks its turn; retained. */
  fence: string
  topics: string[]
  /** All of them must be there. */
  expected: boolean
}

const patienceMs = 5_000

/**
 * What a partition's last owner retained, by topic, as new as it left it.
 *
 * NATS answers that it has a retained message a little before a new subscription is shown it: 16 of 1,500 read back at
 * once were the ones before. So the owner first retains a mark of its own, and reads until it sees that.
 * @returns what there is after a while, should some of it never come
 * @throws when the broker does not keep the mark
 */
export async function readFenced({ transport, connection, fence, topics, expected, ...ahead }: FencedRead) {
  const mark = randomUUID()
  await connection.publish(fence, mark, { retain: true })
  const found = new Map<string, Buffer>()
  const until = performance.now() + patienceMs
  let { reading } = ahead
  for (let waitMs = 5; ; waitMs = Math.min(500, waitMs * 2)) {
    found.clear()
    let isNew = false
    await reading.read([fence, ...topics], {
      patienceMs: 0,
      take(topic, payload) {
        if (topic === fence) isNew = payload.toString() === mark
        else found.set(topic, payload)
        return isNew && found.size === topics.length
      },
    })
    if (isNew && (!expected || found.size === topics.length)) return found
    if (performance.now() >= until) {
      if (isNew) return found
      throw new Error('the broker does not bring back a retained message: let it keep retained messages')
    }
    await sleep(waitMs)
    reading = new RetainedRead(transport)
  }
}
