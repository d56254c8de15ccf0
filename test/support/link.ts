import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP link to a broker that can be cut. */
export async function link(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  /** From the broker to the host. */
  const answers = new Map<Socket, Socket>()
  let cut = false
  let held = false
  const server = createServer(near => {
    if (cut) return near.destroy()
    const far = connect(Number(port), hostname)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from)
      from.setNoDelay(true)
      if (from === near || !held) from.pipe(to)
      if (from === far) answers.set(far, near)
      from.on('error', () => {})
      from.on('close', () => {
        sockets.delete(from)
        answers.delete(from)
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
    /** Keeps back what the broker answers, until `release`. */
    hold() {
      held = true
      for (const [from, to] of answers) from.unpipe(to)
    },
    release() {
      held = false
      for (const [from, to] of answers) from.pipe(to)
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
