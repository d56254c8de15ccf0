import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP link to a broker that can be cut. */
export async function link(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let cut = false
  const server = createServer(near => {
    if (cut) return near.destroy()
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      from.pipe(to)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        to.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sever = () => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Drops every connection, and refuses new ones until `mend`. */
    cut() {
      cut = true
      sever()
    },
    mend() {
      cut = false
    },
    /** Drops every connection once. */
    sever,
    async close() {
      sever()
      server.close()
      await once(server, 'close')
    },
  }
}

export type Link = Awaited<ReturnType<typeof link>>
