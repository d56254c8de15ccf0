import type { MemoryTransport } from '../../runtime/memory-transport.ts'
import type { Connection, ConnectOptions, Transport } from '../../runtime/transport.ts'

/** What one process sees of a broker, until it dies after so many packets: nothing of it arrives any more, and it hears
 *  of nothing. */
export class CrashingTransport implements Transport {
  #broker: MemoryTransport
  #left: number
  #died: () => void
  #ends: (() => void)[] = []

  constructor(broker: MemoryTransport, packets: number, died: () => void) {
    this.#broker = broker
    this.#left = packets
    this.#died = died
  }

  async connect(options: ConnectOptions): Promise<Connection> {
    this.#count()
    const connection = await this.#broker.connect({
      ...options,
      onMessage: message => {
        if (this.#left <= 0) return
        options.onMessage({ ...message, ack: () => this.#sends() && message.ack() })
      },
      onClose: error => {
        if (this.#left > 0) options.onClose(error)
      },
    })
    this.#ends.push(() => options.onClose(new Error('the process died')))
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
    if (this.#left <= 0) return false
    this.#left -= 1
    if (this.#left > 0) return true
    for (const end of this.#ends) end()
    this.#died()
    return false
  }
}
