import { readFileSync, renameSync, rmSync } from 'node:fs'
import type { Aedes, Client, Subscription } from 'aedes'
import { writeAtomic } from '../atomic-file.ts'

/** What aedes needs to go on where another process of it ended. */
interface Saved {
  v: 1
  id: string
  counter: number
  retained: SavedPacket[]
  sessions: { id: string; subscriptions: Subscription[]; queue: SavedPacket[] }[]
}
type SavedPacket = Record<string, unknown> & { payload: string }

/** Parts of the persistence that the types of aedes leave out. */
interface Persistence {
  createRetainedStream(pattern: string): AsyncIterable<Packet>
  storeRetained(packet: Packet): Promise<void>
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>
  addSubscriptions(client: { id: string }, subscriptions: Subscription[]): Promise<void>
  outgoingStream(client: { id: string }): AsyncIterable<Packet>
  outgoingEnqueue(subscription: { clientId: string }, packet: Packet): Promise<void>
}
interface Packet {
  payload: Buffer
  messageId?: number
}
type Broker = Aedes & {
  persistence: Persistence
  counter: number
  id: string
  clients: Record<string, Client>
}

/** Remembers which sessions are durable, so that they can be saved: the persistence has no list of them. */
export function trackSessions(broker: Aedes, ids: Set<string>): void {
  broker.on('client', (client: Client) => {
    if (client.clean) ids.delete(client.id)
    else ids.add(client.id)
  })
}

/** Ends all connections, and leaves what is kept for them: what is saved then is all there is. */
export async function disconnectAll(broker: Aedes): Promise<void> {
  const { clients } = broker as Broker
  await Promise.all(
    Object.values(clients).map(client => new Promise<void>(resolve => client.close(() => resolve()))),
  )
}

/** @throws Problem when the disk is full; what an earlier call has saved is still there then */
export async function saveSessions(path: string, broker: Aedes, ids: Set<string>): Promise<void> {
  const { persistence, counter, id } = broker as Broker
  const saved: Saved = { v: 1, id, counter, retained: [], sessions: [] }
  for await (const packet of persistence.createRetainedStream('#')) saved.retained.push(pack(packet))
  for (const client of ids) {
    const subscriptions = await persistence.subscriptionsByClient({ id: client })
    if (subscriptions.length === 0) continue
    const queue: SavedPacket[] = []
    for await (const packet of persistence.outgoingStream({ id: client })) queue.push(pack(packet))
    saved.sessions.push({ id: client, subscriptions, queue })
  }
  writeAtomic(path, JSON.stringify(saved), 0o600)
}

/** @returns undefined when nothing was saved, or it can't be read: then it is put aside, for people */
export function readSaved(path: string): Saved | undefined {
  try {
    const saved = JSON.parse(readFileSync(path, 'utf8')) as Saved
    if (saved.v !== 1) throw new Error(`it is of version ${saved.v}, not 1`)
    return saved
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const aside = `${path}.unreadable`
    renameSync(path, aside)
    console.error(`starts without sessions: what was saved can not be read, and is kept as ${aside}:`, error)
    return undefined
  }
}

/** A process that is killed later must not bring back old records. Not before it serves them: one that can't start, for
 *  its port or a full disk, leaves them to the next. */
export const dropSaved = (path: string) => rmSync(path, { force: true })

export async function restoreSessions(broker: Aedes, saved: Saved, ids: Set<string>): Promise<void> {
  const { persistence } = broker as Broker
  ;(broker as Broker).counter = saved.counter
  for (const packet of saved.retained) await persistence.storeRetained(unpack(packet))
  for (const { id, subscriptions, queue } of saved.sessions) {
    ids.add(id)
    await persistence.addSubscriptions({ id }, subscriptions)
    for (const packet of queue) await persistence.outgoingEnqueue({ clientId: id }, unpack(packet))
  }
}

const pack = (packet: Packet): SavedPacket => ({
  ...packet,
  messageId: undefined,
  payload: packet.payload.toString('base64'),
})
const unpack = (packet: SavedPacket) =>
  ({ ...packet, payload: Buffer.from(packet.payload, 'base64') }) as unknown as Packet
