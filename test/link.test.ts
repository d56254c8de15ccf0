import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Link } from '../controller/link/link.ts'
import type { DeclaredLink } from '../schema/declared-link.ts'
import { until } from './support/controlled.ts'

const zones: [string, string] = ['edge', 'cloud']

const Links = suite('link between zones')

/** A server in the cloud, reached from the edge. */
async function world(declared: Omit<DeclaredLink, 'zones'>, onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    sockets.add(socket.on('error', () => {}))
    onConnection(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link = new Link({ zones, ...declared })
  const port = await link.open('edge', { host: '127.0.0.1', port: portOf(server) })
  return {
    link,
    server,
    open: async () => {
      const socket = connect({ port, noDelay: true, allowHalfOpen: true })
      socket.on('error', () => {})
      await once(socket, 'connect')
      return socket
    },
    async close() {
      await link.close()
      for (const socket of sockets) socket.destroy()
      await new Promise(done => server.close(done))
    },
  }
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const closed = (socket: Socket) => new Promise<boolean>(done => socket.once('close', () => done(true)))
const echo = (socket: Socket) => void socket.pipe(socket)

for (const rttMs of [0, 10, 40, 150]) {
  Links(`takes ${rttMs} ms there and back`, async () => {
    const { open, close } = await world({ rttMs }, echo)
    const socket = await open()
    const trips: number[] = []
    for (let i = 0; i < 25; i++) {
      const start = performance.now()
      socket.write('ping')
      await once(socket, 'data')
      trips.push(performance.now() - start)
    }
    const p50 = trips.toSorted((a, b) => a - b)[12]!
    await close()
    assert.ok(Math.min(...trips) >= rttMs - 2, `least ${Math.min(...trips)} of ${rttMs} ms`)
    assert.ok(p50 < rttMs + 8, `p50 ${p50} of ${rttMs} ms`)
  })
}

for (const connections of [1, 4]) {
  Links(`lets so many bytes a second through, each way, of ${connections} connections together`, async () => {
    const bytesPerSecond = 2_000_000
    const each = 3_000_000 / connections
    let received = 0
    const { open, close } = await world({ rttMs: 20, bytesPerSecond }, socket => {
      socket.on('data', chunk => {
        received += chunk.length
      })
      socket.write(Buffer.alloc(each)) // the way back is as busy, and none of the other's concern
    })
    const start = performance.now()
    const sockets = await Promise.all(Array.from({ length: connections }, open))
    let back = 0
    for (const socket of sockets) {
      socket.on('data', chunk => {
        back += chunk.length
      })
      socket.write(Buffer.alloc(each))
    }
    await until('all has come', () => received === 3_000_000 && back === 3_000_000)
    const seconds = (performance.now() - start) / 1000
    await close()
    assert.ok(seconds > 1.45 && seconds < 1.9, `3 MB at 2 MB/s took ${seconds} s`)
  })
}

Links('lets a lone message wait for little, however much another connection sends', async () => {
  const { open, close } = await world({ rttMs: 20, bytesPerSecond: 2_000_000 }, echo)
  const bulk = await open()
  bulk.write(Buffer.alloc(8_000_000))
  bulk.resume()
  await sleep(300)
  const socket = await open()
  const start = performance.now()
  socket.write('ping')
  await once(socket, 'data')
  const ms = performance.now() - start
  await close()
  assert.ok(ms < 250, `${ms} ms`)
})

Links('keeps the order of bytes, whatever the chunks', async () => {
  const { open, close } = await world({ rttMs: 6, bytesPerSecond: 20_000_000 }, echo)
  const socket = await open()
  const sent = Buffer.from(Uint32Array.from({ length: 300_000 }, (_, i) => i).buffer)
  const chunks: Buffer[] = []
  let length = 0
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    length += chunk.length
  })
  for (let at = 0, size = 1; at < sent.length; at += size, size = (size * 7) % 65_521) {
    socket.write(sent.subarray(at, at + size))
    if (at % 5 === 0) await sleep(0)
  }
  await until('all is back', () => length === sent.length)
  await close()
  assert.ok(Buffer.concat(chunks).equals(sent))
})

Links('makes a sender wait whose receiver does not read, and holds little for it', async () => {
  const { open, close } = await world({ rttMs: 2 }, socket => void socket.pause())
  const socket = await open()
  const before = process.memoryUsage().arrayBuffers
  const chunk = Buffer.alloc(1_000_000)
  let taken = 0
  const write = () => {
    while (taken < 200 && socket.write(chunk)) taken++
    if (taken < 200) socket.once('drain', write)
  }
  write()
  await sleep(1_500)
  const held = process.memoryUsage().arrayBuffers - before
  const stood = taken
  await sleep(300)
  await close()
  assert.is(taken, stood)
  assert.ok(taken < 40, `${taken} MB were taken`)
  assert.ok(held < 32_000_000, `${held} bytes are held`)
})

Links('brings what was said before an end, and what is said after it the other way', async () => {
  const { open, close } = await world({ rttMs: 60 }, socket => {
    socket.on('data', () => {})
    socket.on('end', () => setTimeout(() => socket.end('the answer'), 20))
  })
  const socket = await open()
  socket.end('a question')
  let said = ''
  for await (const chunk of socket) said += chunk
  await close()
  assert.is(said, 'the answer')
})

Links('breaks a connection that the other end has broken', async () => {
  const { open, close } = await world({ rttMs: 20 }, socket => {
    socket.once('data', () => socket.resetAndDestroy())
  })
  const socket = await open()
  socket.write('anything')
  await closed(socket)
  await close()
})

Links('can be cut: connections end, new ones too, until it is mended', async () => {
  const { link, open, close } = await world({ rttMs: 4 }, echo)
  const socket = await open()
  link.cut()
  await closed(socket)
  const refused = await open().then(
    other => closed(other),
    (error: NodeJS.ErrnoException) => error.code === 'ECONNRESET',
  )
  assert.ok(refused)
  link.mend()
  const again = await open()
  again.write('ping')
  assert.is(String((await once(again, 'data'))[0]), 'ping')
  await close()
})

Links.run()
