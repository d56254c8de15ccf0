import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import type { DeclaredLink } from '../../schema/declared-link.ts'
import { carry } from './carry.ts'
import { Lane } from './lane.ts'

/** The link between two zones, as TCP proxies on a loopback address: all of them share its two directions. */
export class Link {
  readonly #zones: readonly [string, string]
  readonly #lanes: readonly [Lane, Lane]
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  #isCut = false

  constructor({ zones, rttMs, bytesPerSecond }: DeclaredLink) {
    this.#zones = zones
    this.#lanes = [new Lane(rttMs / 2, bytesPerSecond), new Lane(rttMs / 2, bytesPerSecond)]
  }

  /** Leads connections from a zone to a server in the other one. @param port 0: any @param address on which it listens
   *  @returns the port at which it listens @throws where that is taken */
  async open(
    from: string,
    target: { host: string; port: number },
    port = 0,
    address = '127.0.0.1',
  ): Promise<number> {
    const [out, back] = from === this.#zones[0] ? this.#lanes : this.#lanes.toReversed()
    // What the one end has said arrives, though the other one has said all.
    const server = createServer({ allowHalfOpen: true, noDelay: true }, near => {
      if (this.#isCut) return near.resetAndDestroy()
      const far = connect({ ...target, allowHalfOpen: true, noDelay: true })
      for (const socket of [near, far]) {
        this.#sockets.add(socket)
        socket.once('close', () => this.#sockets.delete(socket))
      }
      carry(near, far, out!)
      carry(far, near, back!)
    })
    server.listen(port, address)
    await once(server, 'listening')
    this.#servers.push(server)
    return (server.address() as AddressInfo).port
  }

  /** Drops all connections, with what is on its way, and refuses new ones until `mend`. */
  cut(): void {
    this.#isCut = true
    for (const socket of this.#sockets) socket.resetAndDestroy()
  }

  mend(): void {
    this.#isCut = false
  }

  async close(): Promise<void> {
    this.cut()
    await Promise.all(this.#servers.map(server => new Promise(done => server.close(done))))
  }
}
