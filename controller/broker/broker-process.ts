/**
 * The embedded broker, a process of its own that outlives the controller.
 *
 * Sessions are kept in memory and written to a file on a clean end, read back at the next start. A store on
 * disk was tried (aedes-persistence-level 9.2 under aedes 1.2) and left: see docs/broker.md for the figures.
 */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import { writeJson } from '../atomic-file.ts'
import { identify } from '../process-identity.ts'
import { deliverInOrder } from './ordered-delivery.ts'
import { restoreSessions, saveSessions, takeSaved, trackSessions } from './saved-sessions.ts'

const [state, address, wantedPort] = process.argv.slice(2) as [string, string, string]
const sessionsFile = join(state, 'broker-sessions.json')

// A connection that reads slowly holds up whoever publishes to it once this much waits to be sent; flow
// control between hosts keeps what can wait below it.
const highWaterMark = 4 * 1024 * 1024

const sessions = new Set<string>()
const saved = takeSaved(sessionsFile)
const broker = await Aedes.createBroker({
  ...(saved && { id: saved.id }),
  concurrency: 0, // else 100 messages on their way to one slow client stop all others
  queueLimit: 10_000, // packets sent before the answer to CONNECT; one more closes the connection
  drainTimeout: 0, // a host that blocks its event loop is the controller's matter, not ours
})
deliverInOrder(broker)
trackSessions(broker, sessions)
if (saved) await restoreSessions(broker, saved, sessions)

const server = createServer({ noDelay: true, highWaterMark }, broker.handle)
await new Promise<void>((resolve, reject) => {
  server.once('error', reject)
  server.listen(Number(wantedPort), address, resolve)
})
const { port } = server.address() as { port: number }
const url = `mqtt://${address.includes(':') ? `[${address}]` : address}:${port}`
writeJson(join(state, 'broker.json'), { ...identify(process.pid), url })
process.send?.({ url })

let ending = false
for (const name of ['SIGTERM', 'SIGINT'] as const) {
  process.on(name, async () => {
    if (ending) return
    ending = true
    server.close()
    await new Promise<void>(resolve => broker.close(resolve))
    await saveSessions(sessionsFile, broker, sessions)
    process.exit(0)
  })
}
