import type { Socket } from 'node:net'
import { type IConnackPacket, type ISubackPacket, type Packet, writeToStream } from 'mqtt-packet'
import { dial, redact } from './dial.ts'
import { Nudge } from './nudge.ts'
import { PacketReader } from './packet-reader.ts'
import { pubackPackets, publishPacket } from './packets.ts'
import type { Connection, ConnectOptions, Message, Transport } from './transport.ts'

const keepaliveSeconds = 10
const connectTimeoutMs = 10_000
const maxPacketId = 0xffff
/** Of packet identifiers, which a broker gives in turn: those that lie further back are of messages that are long past. */
const half = 0x8000
const arrived = 1
const acknowledged = 2

// Else the codec makes a buffer for each of 65,536 numbers at its first packet: 18 MiB and 60 ms of every host.
writeToStream.cacheNumbers = false

/** MQTT 3.1.1 over TCP or TLS, on the codec of mqtt.js. Its own client is not used here because it
 *  acknowledges a message before asynchronous work on it has ended, or else handles one at a time.
 *  @param url `mqtt://user:password@host:1883` or `mqtts://…` */
export function wireTransport(url: string): Transport {
  return {
    broker: redact(url),
    async connect(options) {
      try {
        const wire = new WireConnection(await dial(url), url, options)
        await wire.opened
        return wire
      } catch (error) {
        const at = `the broker at ${redact(url)} as ${options.clientId}`
        throw new Error(`cannot connect to ${at}: ${(error as Error).message}`, { cause: error })
      }
    },
  }
}

interface Waiting {
  resolve(packet?: unknown): void
  reject(error: Error): void
}

class WireConnection implements Connection {
  sessionPresent = false
  readonly opened: Promise<void>
  #socket: Socket
  #options: ConnectOptions
  #waiting = new Map<number, Waiting>()
  /** By packet identifier: whether it came on this connection, and was acknowledged. 64 KiB, once one has come. */
  #arrived: Uint8Array | undefined
  /** The packet identifier that was given last, as far as has come. */
  #newest = 0
  /** By this connection: of a session, RabbitMQ ends no other subscription. */
  #subscribed = new Set<string>()
  #pings: Waiting[] = []
  #nextId = 1
  #closed = false
  #corked = false
  /** Acknowledgments of this turn, in order. */
  #acks: number[] = []
  #paused = false
  #nudge: Nudge | undefined
  #opened = false
  #heard = performance.now()
  #keepalive?: NodeJS.Timeout
  #settleOpen!: Waiting

  constructor(socket: Socket, url: string, options: ConnectOptions) {
    this.#options = options
    this.opened = new Promise<void>((resolve, reject) => {
      this.#settleOpen = { resolve: () => resolve(), reject }
    })
    const { username, password } = new URL(url)
    this.#socket = socket
    this.#socket.setNoDelay(true) // without it p99 under load was 51 ms instead of 18
    const reader = new PacketReader(
      packet => this.#receive(packet),
      error => this.#end(error),
    )
    this.#socket.on('data', chunk => {
      this.#heard = performance.now()
      if (this.#closed) return
      reader.read(chunk)
      if (!this.#corked) this.#nudge?.heard(this.#heard)
    })
    this.#socket.on('error', error => this.#end(error))
    this.#socket.on('close', () => this.#end(new Error('the broker closed the connection')))
    this.#socket.setTimeout(connectTimeoutMs, () => this.#end(new Error('the broker does not answer')))
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clientId: options.clientId,
      clean: options.clean,
      keepalive: keepaliveSeconds,
      ...(username && { username: decodeURIComponent(username) }),
      ...(password && { password: Buffer.from(decodeURIComponent(password)) }),
      ...(options.will && {
        will: { topic: options.will.topic, payload: options.will.payload, qos: 1, retain: true },
      }),
    })
  }

  async subscribe(filters: string[], qos: 0 | 1): Promise<void> {
    const { granted } = await this.#subscribe(filters, qos)
    const refused = filters.filter((_, i) => (granted[i] as number) >= 128)
    if (refused.length > 0) throw new Error(`the broker refused to subscribe to ${refused.join(', ')}`)
  }

  async unsubscribe(filters: string[]): Promise<void> {
    const before = filters.filter(filter => !this.#subscribed.has(filter))
    if (before.length > 0) await this.#subscribe(before, 1)
    for (const filter of filters) this.#subscribed.delete(filter)
    await this.#request(messageId => ({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }))
  }

  publish(
    topic: string,
    payload: string | Buffer,
    { qos = 1, retain = false }: { qos?: 0 | 1; retain?: boolean } = {},
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the connection is closed'))
      const messageId = qos === 0 ? undefined : this.#freeId()
      const packet = publishPacket(topic, payload, retain, messageId)
      if (messageId !== undefined) this.#waiting.set(messageId, { resolve, reject })
      this.#cork().write(packet)
      if (messageId === undefined) resolve()
    })
  }

  async ping(): Promise<number> {
    const start = performance.now()
    await new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the connection is closed'))
      this.#pings.push({ resolve, reject })
      this.#send({ cmd: 'pingreq' })
    })
    return performance.now() - start
  }

  pause() {
    this.#paused = true
    this.#socket.pause()
  }

  resume() {
    this.#paused = false
    this.#heard = performance.now()
    this.#socket.resume()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#socket.resume() // its end is to be seen
    this.#writeAcks()
    this.#send({ cmd: 'disconnect' })
    const gone = new Promise<void>(resolve => this.#socket.once('close', () => resolve()))
    this.#socket.end()
    this.#end()
    const force = setTimeout(() => this.#socket.destroy(), 500)
    await gone
    clearTimeout(force)
  }

  #receive(packet: Packet) {
    if (this.#closed) return // what arrives after a close belongs to the next owner of the session
    switch (packet.cmd) {
      case 'connack':
        return this.#open(packet)
      case 'publish':
        if (packet.qos > 0 && this.#isRepeat(packet.messageId!, packet.dup)) return
        return this.#options.onMessage(
          this.#message(packet.topic, packet.payload, packet.retain, packet.messageId),
        )
      case 'puback':
      case 'suback':
      case 'unsuback': {
        const waiting = this.#waiting.get(packet.messageId!)
        this.#waiting.delete(packet.messageId!)
        return waiting?.resolve(packet)
      }
      case 'pingresp':
        return this.#pings.shift()?.resolve()
    }
  }

  #message(topic: string, payload: string | Buffer, retain: boolean, messageId?: number): Message {
    return {
      topic,
      payload: payload as Buffer,
      retain,
      ack: () => {
        if (messageId === undefined || this.#closed) return
        this.#arrived![messageId] = acknowledged
        this.#acknowledge(messageId)
      },
    }
  }

  /** MQTT delivers again after a reconnect only [MQTT-4.4.0-1]. NATS also does after a while without acknowledgment,
   *  under the same packet identifier: a source would number the message a second time. What it tried to deliver and could
   *  not, because others were under way, is marked so too, under one that may have had its turn before. */
  #isRepeat(messageId: number, dup: boolean): boolean {
    if (!this.#arrived) {
      this.#arrived = new Uint8Array(maxPacketId + 1)
      this.#newest = messageId
    }
    this.#forgetBehind(messageId)
    const before = this.#arrived[messageId]
    if (!dup || before === 0) {
      this.#arrived[messageId] = arrived
      return false
    }
    if (before === acknowledged) this.#acknowledge(messageId)
    return true
  }

  #forgetBehind(messageId: number) {
    if (((messageId - this.#newest) & maxPacketId) > half) return // an older one
    while (this.#newest !== messageId) {
      this.#newest = (this.#newest + 1) & maxPacketId
      this.#arrived![(this.#newest + half) & maxPacketId] = 0
    }
  }

  #acknowledge(messageId: number) {
    this.#cork()
    this.#acks.push(messageId)
  }

  #writeAcks() {
    if (this.#acks.length > 0 && this.#socket.writable) this.#socket.write(pubackPackets(this.#acks))
    this.#acks = []
  }

  #open(packet: IConnackPacket) {
    if (packet.returnCode !== 0) return this.#end(new Error(refusals[packet.returnCode!] ?? 'refused'))
    this.sessionPresent = packet.sessionPresent
    this.#socket.setTimeout(0)
    this.#keepalive = setInterval(() => this.#keepAlive(), (keepaliveSeconds * 1000) / 2).unref()
    this.#opened = true
    const { nudge } = this.#options
    if (nudge !== undefined) {
      const packet = publishPacket(nudge, '', false)
      this.#nudge = new Nudge(() => this.#cork().write(packet))
    }
    this.#settleOpen.resolve()
  }

  /** A half-open connection is noticed within one and a half keepalives, as the broker does [MQTT-3.1.2-24]. */
  #keepAlive() {
    if (!this.#paused && performance.now() - this.#heard > keepaliveSeconds * 1500)
      return this.#end(new Error('the broker went silent'))
    this.ping().catch(() => {})
  }

  async #subscribe(filters: string[], qos: 0 | 1): Promise<ISubackPacket> {
    for (const filter of filters) this.#subscribed.add(filter)
    const subscriptions = filters.map(topic => ({ topic, qos }))
    const packet = await this.#request(messageId => ({ cmd: 'subscribe', messageId, subscriptions }))
    return packet as ISubackPacket
  }

  #request(packetOf: (messageId: number) => Packet): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new Error('the connection is closed'))
      const messageId = this.#freeId()
      this.#waiting.set(messageId, { resolve, reject })
      this.#send(packetOf(messageId))
    })
  }

  #freeId(): number {
    while (this.#waiting.has(this.#nextId)) this.#nextId = (this.#nextId % maxPacketId) + 1
    const id = this.#nextId
    this.#nextId = (id % maxPacketId) + 1
    return id
  }

  #send(packet: Packet) {
    writeToStream(packet, this.#cork())
  }

  /** Packets of one turn of the event loop leave in one write. */
  #cork(): Socket {
    this.#nudge?.sent()
    if (!this.#corked) {
      this.#corked = true
      this.#socket.cork()
      queueMicrotask(() => {
        this.#corked = false
        this.#writeAcks()
        this.#socket.uncork()
      })
    }
    return this.#socket
  }

  #end(error?: Error) {
    if (this.#closed) return
    this.#nudge?.close()
    this.#closed = true
    clearInterval(this.#keepalive)
    if (error) this.#socket.destroy()
    const reason = error ?? new Error('the connection was closed')
    if (!this.#opened) return this.#settleOpen.reject(reason)
    for (const waiting of [...this.#waiting.values(), ...this.#pings]) waiting.reject(reason)
    this.#waiting.clear()
    this.#pings = []
    this.#options.onClose(error)
  }
}

// Connect return codes [MQTT-3.2.2-4]
const refusals: Record<number, string> = {
  1: 'the broker does not speak MQTT 3.1.1',
  2: 'the broker refuses this client ID',
  3: 'the broker is not available',
  4: 'wrong user name or password',
  5: 'not authorised',
}
