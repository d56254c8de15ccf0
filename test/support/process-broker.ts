import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TestBroker {
  url: string
  close(): Promise<void>
}

/** A broker that is a process of its own. */
export interface KillableBroker extends TestBroker {
  /** With -9. */
  kill(): Promise<void>
  /** On the same port, from what the one before had on disk. */
  restart(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once something listens. @throws after `timeoutMs` */
export async function answers(port: number, timeoutMs = 5_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return
  }
  throw new Error(`nothing answers on port ${port}`)
}
