import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** Which connections: by the client ID that they gave to the broker. */
type Chosen = (clientId: string) => boolean

interface Line {
  near: Socket
  far: Socket
  clientId: string
  /** Sends on what was held back. */
  thaw(): void
}

/** A TCP link to a broker that can be cut, whole or in part, made slow, and stopped without a word. */
export async function link(target: string) {
  const { hostname, port } = new URL(target)
  const lines = new Set<Line>()
  let refused: Chosen | undefined
  let frozen: Chosen | undefined
  /** Of all connections, what the broker says. */
  let isMute = false
  let delayMs = 0
  const server = createServer(near => {
    if (refused?.('')) return near.destroy()
    const far = connect(Number(port), hostname)
    const line: Line = { near, far, clientId: '', thaw() {} }
    lines.add(line)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.setNoDelay(true)
      from.on('error', () => {})
      from.on('close', () => {
        if (to.destroyed) return void lines.delete(line)
        // After an end that was said, what was said before it arrives.
        if (!from.readableEnded) to.destroy()
      })
    }
    near.once('data', chunk => {
      line.clientId = clientIdOf(chunk)
      if (refused?.(line.clientId)) near.destroy()
    })
    const isFrozen = () => frozen?.(line.clientId) ?? false
    const ways = [
      forward(near, far, { delayMs: () => delayMs, isHeld: isFrozen }),
      forward(far, near, { delayMs: () => delayMs, isHeld: () => isMute || isFrozen() }),
    ]
    line.thaw = () => {
      for (const deliver of ways) deliver()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const sever = (chosen: Chosen = () => true) => {
    for (const { near, far, clientId } of lines) {
      if (!chosen(clientId)) continue
      near.destroy()
      far.destroy()
    }
  }
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Drops connections, and refuses new ones of the same kind until `mend`. */
    cut(chosen: Chosen = () => true) {
      refused = chosen
      sever(chosen)
    },
    mend() {
      refused = undefined
    },
    /** Drops every connection once. */
    sever,
    /** What comes from now on arrives so much later, each way. */
    delay(ms: number) {
      delayMs = ms
    },
    /** Holds back all that these connections carry, and lets them stand, until `thaw`. */
    freeze(chosen: Chosen) {
      frozen = chosen
    },
    thaw() {
      frozen = undefined
      for (const line of lines) line.thaw()
    },
    /** Keeps back what the broker answers, until `release`. */
    hold() {
      isMute = true
    },
    release() {
      isMute = false
      for (const line of lines) line.thaw()
    },
    async close() {
      sever()
      server.close()
      await once(server, 'close')
    },
  }
}

export type Link = Awaited<ReturnType<typeof link>>

interface How {
  delayMs(): number
  isHeld(): boolean
}

/** @returns to be called when nothing is held back any more */
function forward(from: Socket, to: Socket, { delayMs, isHeld }: How): () => void {
  const late: { due: number; chunk: Buffer | undefined }[] = []
  const write = (chunk: Buffer | undefined) => {
    if (chunk === undefined) return void to.end()
    if (to.write(chunk) || from.isPaused()) return
    from.pause()
    to.once('drain', () => from.resume())
  }
  const deliver = () => {
    while (late.length > 0 && !isHeld() && late[0]!.due <= performance.now()) write(late.shift()!.chunk)
    if (late.length > 0 && !isHeld()) setTimeout(deliver, Math.max(0, late[0]!.due - performance.now() + 0.5))
  }
  const take = (chunk: Buffer | undefined) => {
    const ms = delayMs()
    if (ms === 0 && late.length === 0 && !isHeld()) return write(chunk)
    late.push({ due: performance.now() + ms, chunk })
    if (late.length === 1 && !isHeld()) setTimeout(deliver, ms)
  }
  from.on('data', take)
  from.on('end', () => take(undefined))
  return deliver
}

/** Of a CONNECT packet of MQTT 3.1.1; empty when it is none. */
function clientIdOf(packet: Buffer): string {
  let at = 1
  while (at < 5 && packet[at]! >= 128) at += 1 // remaining length [MQTT-2.2.3]
  at += 1 + 2 + 4 + 1 + 1 + 2 // protocol name and level, flags, keepalive [MQTT-3.1.2]
  if (packet[0] !== 0x10 || packet.length < at + 2) return ''
  return packet.toString('utf8', at + 2, at + 2 + packet.readUInt16BE(at))
}
