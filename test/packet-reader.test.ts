import fc from 'fast-check'
import { generate, type Packet, parser } from 'mqtt-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { PacketReader } from '../runtime/packet-reader.ts'

const Reader = suite('the reader of packets')

const messageId = fc.integer({ min: 1, max: 65_535 })
/** What a broker sends. A remaining length has one byte up to 127, two up to 16,383. */
const packets: fc.Arbitrary<Packet> = fc.oneof(
  fc.record({
    cmd: fc.constant('publish' as const),
    topic: fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme' }),
    payload: fc
      .oneof(fc.uint8Array({ maxLength: 200 }), fc.uint8Array({ minLength: 16_300, maxLength: 16_500 }))
      .map(Buffer.from),
    qos: fc.constantFrom(0 as const, 1 as const, 2 as const),
    messageId,
    dup: fc.boolean(),
    retain: fc.boolean(),
  }),
  fc.record({ cmd: fc.constant('puback' as const), messageId }),
  fc.record({ cmd: fc.constant('unsuback' as const), messageId, granted: fc.constant<number[]>([]) }),
  fc.record({
    cmd: fc.constant('suback' as const),
    messageId,
    granted: fc.array(fc.constantFrom(0, 1, 128), { minLength: 1 }),
  }),
  fc.record({ cmd: fc.constant('connack' as const), returnCode: fc.nat(5), sessionPresent: fc.boolean() }),
  fc.constant({ cmd: 'pingresp' as const }),
)

/** Bytes as a network may bring them. @param at where they are cut */
function cut(bytes: Buffer, at: number[]): Buffer[] {
  const places = [...new Set([0, ...at.map(place => place % (bytes.length + 1)), bytes.length])].sort(
    (a, b) => a - b,
  )
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end))
}

type Make = (onPacket: (packet: Packet) => void, onError: () => void) => (chunk: Buffer) => void

const ours: Make = (onPacket, onError) => {
  const reader = new PacketReader(onPacket, onError)
  return chunk => reader.read(chunk)
}

const theirs: Make = (onPacket, onError) => {
  const decoder = parser({ protocolVersion: 4 }).on('packet', onPacket).on('error', onError)
  return chunk => void decoder.parse(chunk)
}

/** What is read of these, up to the first error. */
function read(chunks: Buffer[], make: Make): unknown[] {
  const heard: unknown[] = []
  let isOver = false
  const take = make(
    packet => isOver || heard.push(essence(packet)),
    () => {
      if (!isOver) heard.push('error')
      isOver = true
    },
  )
  for (const chunk of chunks) take(chunk)
  return heard
}

/** What a packet says: theirs also have the fields of others. */
function essence(packet: Packet): object {
  if (packet.cmd === 'puback') return { cmd: packet.cmd, messageId: packet.messageId }
  if (packet.cmd !== 'publish') return { ...packet }
  const { cmd, topic, payload, qos, dup, retain, messageId } = packet
  return { cmd, topic, payload: payload.toString('hex'), qos, dup, retain, messageId }
}

const places = fc.array(fc.nat(), { maxLength: 8 })

Reader('reads what mqtt-packet reads, wherever the network cuts it', () => {
  fc.assert(
    fc.property(fc.array(packets, { minLength: 1, maxLength: 8 }), places, (sent, at) => {
      const chunks = cut(Buffer.concat(sent.map(packet => generate(packet))), at)
      const heard = read(chunks, ours)
      assert.is(heard.length, sent.length)
      assert.equal(heard, read(chunks, theirs))
    }),
    { numRuns: 1_000 },
  )
})

Reader('reads what comes before a damage, wherever that is', () => {
  const damage = fc.record({ place: fc.nat(), byte: fc.integer({ min: 1, max: 255 }) })
  let errors = 0
  fc.assert(
    fc.property(
      fc.array(packets, { minLength: 1, maxLength: 5 }),
      damage,
      places,
      (sent, { place, byte }, at) => {
        const all = sent.map(packet => generate(packet))
        const bytes = Buffer.concat(all)
        const damaged = place % bytes.length
        bytes[damaged]! ^= byte
        let whole = 0
        for (let end = 0; whole < all.length && end + all[whole]!.length <= damaged; whole++)
          end += all[whole]!.length
        const heard = read(cut(bytes, at), ours)
        if (heard.includes('error')) errors += 1
        assert.equal(heard.slice(0, whole), read([Buffer.concat(all.slice(0, whole))], theirs))
      },
    ),
    { numRuns: 2_000 },
  )
  assert.ok(errors > 100, `${errors} errors`)
})

for (const [what, bytes] of [
  ['a length of five bytes', [0x30, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ['a QoS of 3', [0x36, 5, 0, 1, 97, 0, 1]],
  ['a topic that is longer than its packet', [0x30, 3, 0, 9, 97]],
  ['an acknowledgment with flags', [0x42, 2, 0, 1]],
  ['a type that there is not', [0x00, 0]],
] as const)
  Reader(`refuses ${what}`, () => {
    assert.equal(read([Buffer.from(bytes)], ours), ['error'])
  })

Reader.run()
