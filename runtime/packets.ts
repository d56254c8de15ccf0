/** The two packets of which every record needs some, each in one piece: `mqtt-packet` writes them in four to seven. */

/** @param messageId absent: QoS 0 [MQTT-2.3.1-5] */
export function publishPacket(
  topic: string,
  payload: string | Buffer,
  retain: boolean,
  messageId?: number,
): Buffer {
  const topicBytes = Buffer.byteLength(topic)
  const payloadBytes = Buffer.byteLength(payload)
  if (topicBytes > 65_535) throw new Error(`a topic of ${topicBytes} bytes, over the limit of 65535`)
  const length = 2 + topicBytes + (messageId === undefined ? 0 : 2) + payloadBytes
  const packet = Buffer.allocUnsafe(1 + lengthBytes(length) + length)
  packet[0] = 0x30 | (messageId === undefined ? 0 : 0x02) | (retain ? 0x01 : 0)
  let at = writeLength(packet, length)
  at = packet.writeUInt16BE(topicBytes, at)
  at += packet.write(topic, at)
  if (messageId !== undefined) at = packet.writeUInt16BE(messageId, at)
  if (typeof payload === 'string') packet.write(payload, at)
  else payload.copy(packet, at)
  return packet
}

/** As many packets as identifiers, in their order. */
export function pubackPackets(messageIds: number[]): Buffer {
  const packets = Buffer.allocUnsafe(4 * messageIds.length)
  let at = 0
  for (const messageId of messageIds) {
    packets[at] = 0x40
    packets[at + 1] = 2
    at = packets.writeUInt16BE(messageId, at + 2)
  }
  return packets
}

const maxLength = 268_435_455

/** Bytes of the remaining length [MQTT 2.2.3]. */
function lengthBytes(length: number): number {
  if (length > maxLength) throw new Error(`a packet of ${length} bytes, over the limit of ${maxLength}`)
  return length < 128 ? 1 : length < 16_384 ? 2 : length < 2_097_152 ? 3 : 4
}

/** @returns where the variable header begins */
function writeLength(packet: Buffer, length: number): number {
  let at = 1
  let rest = length
  for (; rest > 127; rest >>= 7) packet[at++] = (rest & 0x7f) | 0x80
  packet[at++] = rest
  return at
}
