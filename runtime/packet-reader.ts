import { type Packet, parser } from 'mqtt-packet'

/** Cuts what a broker sends into packets. It reads the two of which every record needs some itself, as `mqtt-packet`
 *  would: that one, which reads the others, takes several times as long for them. */
export class PacketReader {
  #decoder = parser({ protocolVersion: 4 })
  #onPacket: (packet: Packet) => void
  /** What has come of a packet that is not complete. */
  #parts: Buffer[] = []
  #missing = 0

  constructor(onPacket: (packet: Packet) => void, onError: (error: Error) => void) {
    this.#onPacket = onPacket
    this.#decoder.on('packet', onPacket)
    this.#decoder.on('error', onError)
  }

  read(chunk: Buffer) {
    const bytes = this.#complete(chunk)
    if (!bytes) return
    let at = 0
    while (at < bytes.length) {
      const body = bodyAt(bytes, at)
      const { end } = body
      if (end > bytes.length) return this.#keep(bytes.subarray(at), end - bytes.length)
      const packet = publishOf(bytes, at, body) ?? pubackOf(bytes, at, body)
      if (packet) this.#onPacket(packet)
      else this.#decoder.parse(bytes.subarray(at, end))
      at = end
    }
  }

  #keep(part: Buffer, missing: number) {
    this.#parts.push(part)
    this.#missing = missing
  }

  #complete(chunk: Buffer): Buffer | undefined {
    if (this.#parts.length === 0) return chunk
    this.#keep(chunk, this.#missing - chunk.length)
    if (this.#missing > 0) return undefined
    const bytes = Buffer.concat(this.#parts)
    this.#parts = []
    return bytes
  }
}

interface Body {
  start: number
  end: number
}

/** What follows the remaining length [MQTT 2.2.3]; while that has not come, it ends behind all that has. */
function bodyAt(bytes: Buffer, at: number): Body {
  let length = 0
  let start = at + 1
  for (let shift = 0; shift < 28; shift += 7) {
    const byte = bytes[start++]
    if (byte === undefined) return { start, end: bytes.length + 1 }
    length |= (byte & 0x7f) << shift
    if (byte < 128) return { start, end: start + length }
  }
  return { start, end: bytes.length } // no length: the decoder says so
}

function publishOf(bytes: Buffer, at: number, { start, end }: Body): Packet | undefined {
  const flags = bytes[at]!
  const qos = (flags >> 1) & 3
  if (flags >> 4 !== 3 || qos > 1 || end - start < 2) return undefined
  const topicEnd = start + 2 + bytes.readUInt16BE(start)
  const payloadStart = topicEnd + 2 * qos // the packet identifier [MQTT-2.3.1-5]
  if (payloadStart > end) return undefined
  return {
    cmd: 'publish',
    topic: bytes.toString('utf8', start + 2, topicEnd),
    payload: bytes.subarray(payloadStart, end),
    qos: qos as 0 | 1,
    dup: (flags & 8) !== 0,
    retain: (flags & 1) !== 0,
    ...(qos === 1 && { messageId: bytes.readUInt16BE(topicEnd) }),
  }
}

function pubackOf(bytes: Buffer, at: number, { start, end }: Body): Packet | undefined {
  if (bytes[at] !== 0x40 || end - start !== 2) return undefined
  return { cmd: 'puback', messageId: bytes.readUInt16BE(start) }
}
