/**
 * The embedded broker: a process of its own, so that sessions outlive the controller.
 *
 * Sessions, queues and retained messages are kept in memory, written to a file on a clean end and read back at
 * the next start; killed with -9, it loses them. A store on disk was measured and left out: with aedes 1.2 and
 * aedes-persistence-level 9.2, 20,000 messages to one durable session passed at 718 a second instead of 14,990,
 * and 540 of them had not come 20 s later. Nor would it have been safer: aedes acknowledges a message before it
 * stores it. Who needs more gives a broker of his own with `--broker URL`. One that can't write the file, on a full
 * disk, does not end.
 */
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { Aedes } from 'aedes'
import type { Problem } from '../../schema/problem.ts'
import { writeJson } from '../atomic-file.ts'
import { identify } from '../process-identity.ts'
import { findExactRetained } from './exact-retained.ts'
import { deliverInOrder } from './ordered-delivery.ts'
import {
  disconnectAll,
  dropSaved,
  readSaved,
  restoreSessions,
  saveSessions,
  trackSessions,
} from './saved-sessions.ts'
import { markUnsaved } from './unsaved.ts'

const [state, address, wantedPort] = process.argv.slice(2) as [string, string, string]
const sessionsFile = join(state, 'broker-sessions.json')

// A connection that reads slowly holds up whoever publishes to it once this much waits to be sent; flow
// control between hosts keeps what can wait below it.
const highWaterMark = 4 * 1024 * 1024

const sessions = new Set<string>()
const saved = readSaved(sessionsFile)
const broker = await Aedes.createBroker({
  ...(saved && { id: saved.id }),
  concurrency: 0, // else 100 messages on their way to one slow client stop all others
  queueLimit: 10_000, // packets sent before the answer to CONNECT; one more closes the connection
  drainTimeout: 0, // a host that blocks its event loop is the controller's matter, not ours
})
deliverInOrder(broker)
findExactRetained(broker)
trackSessions(broker, sessions)
if (saved) await restoreSessions(broker, saved, sessions)

const server = createServer({ noDelay: true, highWaterMark }, broker.handle)
await new Promise<void>((resolve, reject) => {
  server.once('error', reject)
  server.listen(Number(wantedPort), address, resolve)
})
const { port } = server.address() as { port: number }
const url = `mqtt://${address.includes(':') ? `[${address}]` : address}:${port}`
try {
  writeJson(join(state, 'broker.json'), { ...identify(process.pid), url })
} catch (error) {
  const { reason, message, hint } = error as Problem // the log is on the same disk
  process.send?.({ problem: { reason, message, hint } }, () => process.exit(1))
  throw error
}
dropSaved(sessionsFile) // no client has been heard yet
process.send?.({ url })

// Those that are still saying who they are; the broker itself knows only the others.
const sockets = new Set<Socket>()
server.on('connection', socket => {
  sockets.add(socket)
  socket.once('close', () => sockets.delete(socket))
})

let ending = false
const authorize = broker.authorizePublish
broker.authorizePublish = (client, packet, done) => {
  // What comes while it ends gets no acknowledgment: its sender gives it to the next. Wills are none of a client's.
  if (!ending || packet.messageId === undefined) authorize(client, packet, done)
}

/** aedes acknowledges a message first, and stores it in a later turn of the event loop; one that is closed in between,
 *  never. */
const turns = 20

for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, async () => {
    if (ending) return
    ending = true
    server.close()
    for (let i = 0; i < turns; i++) await turn()
    await disconnectAll(broker)
    for (const socket of sockets) socket.destroy()
    try {
      await saveSessions(sessionsFile, broker, sessions)
    } catch (error) {
      // To end now would lose every session and all state: it goes on, and says so.
      console.error(`${new Date().toISOString()} goes on, since its sessions can not be saved:`, error)
      server.listen(port, address, () => {
        ending = false
        markUnsaved(state)
      })
      return
    }
    broker.close()
    process.exit(0)
  })
}
