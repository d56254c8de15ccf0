import { MemoryTransport } from '../../runtime/memory-transport.ts'
import type { Connection, ConnectOptions } from '../../runtime/transport.ts'

type Found = ReturnType<MemoryTransport['retained']>

/** A broker that looks for what is retained some time before a subscription begins that it did not have, as NATS does. */
export class LateTransport extends MemoryTransport {
  /** What happens in between. */
  between: (filters: string[]) => Promise<void> = async () => {}
  #found: Map<string, Found> | undefined

  override retained(filter: string): Found {
    return this.#found?.get(filter) ?? super.retained(filter)
  }

  override async connect(options: ConnectOptions): Promise<Connection> {
    const connection = await super.connect(options)
    const known = new Set<string>()
    return {
      ...connection,
      subscribe: async (filters, qos) => {
        const added = filters.filter(filter => !known.has(filter))
        const found = new Map(added.map(filter => [filter, super.retained(filter)]))
        if (added.length > 0) await this.between(added)
        for (const filter of added) known.add(filter)
        this.#found = found
        const subscribed = connection.subscribe(filters, qos)
        this.#found = undefined
        await subscribed
      },
    }
  }
}
