import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Aedes } from 'aedes'
import { deliverInOrder } from '../../controller/broker/ordered-delivery.ts'

export interface TestBroker {
  url: string
  close(): Promise<void>
}

/** The embedded broker, set up as `controller/broker/broker-process.ts` does, but in this process. */
export async function aedes(): Promise<TestBroker> {
  const broker = await Aedes.createBroker({ concurrency: 0, queueLimit: 10_000 })
  deliverInOrder(broker)
  const server = createServer({ noDelay: true }, broker.handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `mqtt://127.0.0.1:${portOf(server)}`,
    async close() {
      // First the door, or hosts that a failed test left would come back in.
      server.close()
      await new Promise<void>(resolve => broker.close(resolve))
    },
  }
}

export const hasMosquitto = () => spawnSync('mosquitto', ['-h']).error === undefined

/** Debian's mosquitto with its default limits. */
export async function mosquitto(): Promise<TestBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-mosquitto-'))
  const port = await freePort()
  const config = join(dir, 'mosquitto.conf')
  await writeFile(config, `listener ${port} 127.0.0.1\nallow_anonymous true\n`)
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  await answers(port)
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async close() {
      child.kill()
      await once(child, 'exit')
      await rm(dir, { recursive: true, force: true })
    },
  }
}

/** Brokers on which the data plane is tested: those that this machine has. */
export const brokers: [string, () => Promise<TestBroker>][] = [
  ['aedes', aedes],
  ...(hasMosquitto() ? [['mosquitto', mosquitto] as [string, () => Promise<TestBroker>]] : []),
]

const portOf = (server: Server) => (server.address() as AddressInfo).port

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}

export async function answers(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return
    await sleep(20)
  }
  throw new Error(`nothing answers on port ${port}`)
}
