import { createServer } from 'node:net'
import type { Logger } from './context.ts'

/** Tells who asks by connecting that this host has taken over. It says nothing else, and keeps no process alive. */
export function openReadyPort(port: number, log: Logger): void {
  const server = createServer(socket => socket.destroy())
  server.on('error', error =>
    log.error('the readiness port cannot be opened', { port, error: error.message }),
  )
  server.listen(port)
  server.unref()
}
