import { topics } from '../schema/topics.ts'
import type { Logger } from './context.ts'
import type { Counters } from './counters.ts'
import { type DeadLetter, deadLetterSlots, type Failure } from './dead-letter.ts'
import type { Connection } from './transport.ts'

interface LettersOptions {
  flow: string
  node: string
  partition: number
  connection: Connection
  log: Logger
  counters: Counters
}

/** Dead letters of one partition: a ring of retained messages, the newest in the place of the oldest. */
export class Letters {
  #options: LettersOptions
  #written: number

  constructor(options: LettersOptions, written: number) {
    this.#options = options
    this.#written = written
  }

  /** Resolves when the broker has taken the letter over. */
  async write(record: DeadLetter['record'], failure: Failure): Promise<void> {
    const { flow, node, partition, connection, log, counters } = this.#options
    const n = ++this.#written
    counters.deadLetters += 1
    log.error('record could not be handled', { record: record.id, ...failure })
    const letter: DeadLetter = {
      v: 1,
      n,
      at: new Date().toISOString(),
      function: node,
      partition,
      ...failure,
      record,
    }
    const topic = topics.dead(flow, node, partition, n % deadLetterSlots)
    await connection.publish(topic, textOf(letter), { retain: true })
  }
}

/** A value that is nested too deep can be read, but not written again. */
function textOf(letter: DeadLetter): string {
  try {
    return JSON.stringify(letter)
  } catch {
    return JSON.stringify({ ...letter, record: { ...letter.record, value: null } })
  }
}
