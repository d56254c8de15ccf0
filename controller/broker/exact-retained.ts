import { Readable } from 'node:stream'
import type { Aedes } from 'aedes'

interface Packet {
  topic: string
  payload: Buffer
}
/** Parts of the persistence that the types of aedes leave out. */
interface Persistence {
  storeRetained(packet: Packet, ...more: unknown[]): unknown
  createRetainedStreamCombi(filters: string[]): AsyncIterable<Packet>
}

/**
 * Finds the retained message of a topic that is subscribed to without a wildcard by its name.
 *
 * aedes-persistence 11 tries each filter of a SUBSCRIBE on every retained message: a host that reads 256 keys of a
 * million would hold the broker up for minutes. To be called before anything is retained.
 */
export function findExactRetained(broker: Aedes): void {
  const { persistence } = broker as unknown as { persistence: Persistence }
  const byTopic = new Map<string, Packet>()
  const store = persistence.storeRetained.bind(persistence)
  persistence.storeRetained = (packet, ...more) => {
    if (packet.payload.length === 0) byTopic.delete(packet.topic)
    else byTopic.set(packet.topic, { ...packet })
    return store(packet, ...more)
  }
  const search = persistence.createRetainedStreamCombi.bind(persistence)
  persistence.createRetainedStreamCombi = filters => {
    const wild = filters.filter(filter => /[+#]/.test(filter))
    const exact = filters.filter(filter => !/[+#]/.test(filter))
    return Readable.from(found(exact, wild))
  }
  async function* found(exact: string[], wild: string[]) {
    for (const topic of exact) {
      const packet = byTopic.get(topic)
      if (packet) yield packet
    }
    if (wild.length > 0) yield* search(wild)
  }
}
