import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type Packet, parser, writeToStream } from 'mqtt-packet'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Message } from '../runtime/transport.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { until } from './support/rig.ts'

const Repeats = suite('a broker that delivers again on the same connection')

// NATS does after `ack_wait`; its own clock can't be asked to do so at one moment, so a socket plays it here.
Repeats('is acknowledged again, and its message counts once', async () => {
  const acknowledged: number[] = []
  let socket!: Socket
  const server = createServer(one => {
    socket = one
    const decoder = parser({ protocolVersion: 4 })
    decoder.on('packet', (packet: Packet) => {
      if (packet.cmd === 'connect')
        writeToStream({ cmd: 'connack', returnCode: 0, sessionPresent: true }, one)
      if (packet.cmd === 'puback') acknowledged.push(packet.messageId!)
    })
    one.on('data', chunk => decoder.parse(chunk))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const got: Message[] = []
  const connection = await wireTransport(
    `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
  ).connect({
    clientId: 'session',
    clean: false,
    onMessage: message => got.push(message),
    onClose() {},
  })
  const deliver = (messageId: number, payload: string, dup: boolean) =>
    writeToStream({ cmd: 'publish', topic: 'a', qos: 1, messageId, payload, dup, retain: false }, socket)

  deliver(1, 'from before', true) // what a session brings after a reconnect is marked so, and is no repeat
  deliver(1, 'from before', true)
  deliver(2, 'new', false)
  await until(() => got.length === 2, 'two messages')
  got[0]!.ack()
  await until(() => acknowledged.length === 1, 'an acknowledgment')
  deliver(1, 'from before', true) // it crossed the acknowledgment
  await until(() => acknowledged.length === 2, 'another')
  deliver(1, 'with an identifier that is free again', false)
  await until(() => got.length === 3, 'the third message')
  assert.equal(
    got.map(({ payload }) => payload.toString()),
    ['from before', 'new', 'with an identifier that is free again'],
  )
  assert.equal(acknowledged, [1, 1])
  await connection.close()
  server.close()
})

Repeats.run()
