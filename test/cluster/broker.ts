import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import type { Ledger } from './ledger.ts'
import { ready, type Server, startServer } from './server.ts'

/** A mosquitto beside the cluster, which pods reach. */
export interface ClusterBroker {
  readonly url: string
  /** As asked, so that it saves what it has. */
  end(): Promise<void>
  /** With -9. */
  kill(): Promise<void>
  restart(): Promise<void>
}

/** @param config more lines of `mosquitto.conf` */
export async function startBroker(ledger: Ledger, address: string, config = ''): Promise<ClusterBroker> {
  const folder = ledger.folderFor('broker')
  const file = join(folder, 'mosquitto.conf')
  const own = [
    `listener 1883 ${address}`,
    'allow_anonymous true',
    'persistence true',
    `persistence_location ${folder}/`,
  ]
  writeFileSync(file, `${own.join('\n')}\nuser root\n${config}\n`)
  const start = async () => {
    const server = ledger.server(startServer(folder, 'mosquitto', ['-c', file]))
    await ready(server, () => answers(address, 1883))
    return server
  }
  let server: Server = await start()
  return {
    url: `mqtt://${address}:1883`,
    async end() {
      server.signal('SIGTERM')
      while (!server.ended()) await new Promise(resolve => setTimeout(resolve, 20))
    },
    kill: () => server.kill(),
    async restart() {
      server = await start()
    },
  }
}

async function answers(host: string, port: number): Promise<boolean> {
  const socket = connect({ host, port })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
