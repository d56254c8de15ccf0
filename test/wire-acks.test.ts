import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Packet, parser, writeToStream } from 'mqtt-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Message } from '../runtime/transport.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { until } from './support/rig.ts'

/** A socket plays the broker: a real one can't be asked to do something at just one moment. */
async function connected() {
  const heard: Packet[] = []
  const got: Message[] = []
  let socket!: Socket
  const server = createServer(one => {
    socket = one
    const decoder = parser({ protocolVersion: 4 })
    decoder.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect')
        writeToStream({ cmd: 'connack', returnCode: 0, sessionPresent: true }, one)
      else if (packet.cmd === 'pingreq') writeToStream({ cmd: 'pingresp' }, one)
      else heard.push(packet)
    })
    one.on('data', chunk => decoder.parse(chunk))
    one.on('end', () => server.close())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const connection = await wireTransport(`mqtt://127.0.0.1:${port}`).connect({
    clientId: 'session',
    clean: false,
    onMessage: message => got.push(message),
    onClose() {},
  })
  const acknowledged = () => heard.flatMap(packet => (packet.cmd === 'puback' ? [packet.messageId!] : []))
  const deliver = (messageId: number, payload: string, dup: boolean) =>
    writeToStream({ cmd: 'publish', topic: 'a', qos: 1, messageId, payload, dup, retain: false }, socket)
  return { connection, got, heard, acknowledged, deliver }
}

const Acks = suite('acknowledgments on the wire')

// NATS does after `ack_wait`.
Acks('are repeated for what is delivered again on the same connection, which counts once', async () => {
  const { connection, got, acknowledged, deliver } = await connected()
  deliver(1, 'from before', true) // what a session brings after a reconnect is marked so, and is no repeat
  deliver(1, 'from before', true)
  deliver(2, 'new', false)
  await until(() => got.length === 2, 'two messages')
  got[0]!.ack()
  await until(() => acknowledged().length === 1, 'an acknowledgment')
  deliver(1, 'from before', true) // it crossed the acknowledgment
  await until(() => acknowledged().length === 2, 'another')
  deliver(1, 'with an identifier that is free again', false)
  await until(() => got.length === 3, 'the third message')
  assert.equal(
    got.map(({ payload }) => payload.toString()),
    ['from before', 'new', 'with an identifier that is free again'],
  )
  assert.equal(acknowledged(), [1, 1])
  await connection.close()
})

// NATS gives the identifiers one after the other, and marks what it could not deliver at the first try.
Acks('are not taken for those of a message that had the same identifier 65,535 messages before', async () => {
  const { connection, got, deliver } = await connected()
  const ids = Array.from({ length: 65_535 }, (_, i) => ((i + 40_000) % 65_535) + 1)
  for (let at = 0; at < ids.length; at += 5_000) {
    const some = ids.slice(at, at + 5_000)
    for (const id of some) deliver(id, 'first', false)
    await until(() => got.length === some.length, 'each number once')
    for (const message of got.splice(0)) message.ack()
  }
  for (const id of ids.slice(0, 1_000)) deliver(id, 'second', true)
  await until(() => got.length === 1_000, 'messages that are none of those')
  for (const message of got) message.ack()
  deliver(ids[999]!, 'second', true)
  await connection.ping()
  assert.is(got.length, 1_000)
  await connection.close()
})

Acks('leave in order, behind what was published before, and before the connection is closed', async () => {
  const { connection, got, heard, acknowledged, deliver } = await connected()
  for (const messageId of [300, 2, 65_535]) deliver(messageId, '', false)
  await until(() => got.length === 3, 'all messages')
  connection.publish('b', 'in the same turn').catch(() => {})
  for (const message of got) message.ack()
  await connection.close()
  await until(() => heard.at(-1)?.cmd === 'disconnect', 'its end')
  assert.equal(acknowledged(), [300, 2, 65_535])
  assert.equal(
    heard.map(({ cmd }) => cmd),
    ['publish', 'puback', 'puback', 'puback', 'disconnect'],
  )
})

Acks.run()
