import type { MemoryTransport } from '../../runtime/memory-transport.ts'
import type { Connection, ConnectOptions, Transport } from '../../runtime/transport.ts'

/** What one process sees of a broker, until it dies after so many packets: nothing of it arrives any more, and it hears
 *  of nothing. */
export class CrashingTransport implements Transport {
  #broker: MemoryTransport
  #process: { left: number; died(): void; ends: (() => void)[] }

  constructor(broker: MemoryTransport, packets: number, died: () => void) {
    this.#broker = broker
    this.#process = { left: packets, died, ends: [] }
  }

  /** What the same process sees of another broker. */
  beside(broker: MemoryTransport): CrashingTransport {
    const other = new CrashingTransport(broker, 0, () => {})
    other.#process = this.#process
    return other
  }

  async connect(options: ConnectOptions): Promise<Connection> {
    this.#count()
    const connection = await this.#broker.connect({
      ...options,
      onMessage: message => {
        if (this.#process.left <= 0) return
        options.onMessage({ ...message, ack: () => this.#sends() && message.ack() })
      },
      onClose: error => {
        if (this.#process.left > 0) options.onClose(error)
      },
    })
    this.#process.ends.push(() => options.onClose(new Error('the process died')))
    return {
      ...connection,
      publish: async (...packet) => {
        this.#count()
        await connection.publish(...packet)
      },
      subscribe: async (...packet) => {
        this.#count()
        await connection.subscribe(...packet)
      },
    }
  }

  #count() {
    if (!this.#sends()) throw new Error('the process has died')
  }

  #sends(): boolean {
    if (this.#process.left <= 0) return false
    this.#process.left -= 1
    if (this.#process.left > 0) return true
    for (const end of this.#process.ends) end()
    this.#process.died()
    return false
  }
}
