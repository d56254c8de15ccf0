import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Aedes } from 'aedes'
import { findExactRetained } from '../../controller/broker/exact-retained.ts'
import { deliverInOrder } from '../../controller/broker/ordered-delivery.ts'
import { hasGo, nats } from './nats.ts'
import { brokerProcess, freePort, type KillableBroker, type TestBroker } from './process-broker.ts'
import { hasRabbitmq, rabbitmq } from './rabbitmq.ts'

export { answers, freePort, type KillableBroker, type TestBroker } from './process-broker.ts'

/** The embedded broker, set up as `controller/broker/broker-process.ts` does, but in this process. */
export async function aedes(): Promise<TestBroker> {
  const broker = await Aedes.createBroker({ concurrency: 0, queueLimit: 10_000 })
  deliverInOrder(broker)
  findExactRetained(broker)
  const server = createServer({ noDelay: true }, broker.handle)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      // First the door, or hosts that a failed test left would come back in.
      server.close()
      await new Promise<void>(resolve => broker.close(resolve))
    },
  }
}

export const hasMosquitto = () => spawnSync('mosquitto', ['-h']).error === undefined

/** Started by root mosquitto becomes another user, who may not write in our folder: it would forget all sessions. */
export const asRoot = process.getuid?.() === 0 ? 'user root\n' : ''

/** Debian's mosquitto with its default limits. @param config more lines of `mosquitto.conf` */
export async function mosquitto(config = ''): Promise<KillableBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-mosquitto-'))
  const port = await freePort()
  const file = join(dir, 'mosquitto.conf')
  await writeFile(
    file,
    `listener ${port} 127.0.0.1\nallow_anonymous true\n${asRoot}${config.replaceAll('DIR', dir)}\n`,
  )
  return brokerProcess('mosquitto', ['-c', file], { port, dir })
}

type Start = () => Promise<TestBroker>

const everywhere: [string, Start][] = [['aedes', aedes]]
if (hasMosquitto()) everywhere.push(['mosquitto', () => mosquitto()])
const heavy: [string, Start][] = []
if (hasGo()) heavy.push(['nats', () => nats()])
if (hasRabbitmq()) heavy.push(['rabbitmq', () => rabbitmq()])
const named = process.env.DYNINKA_TEST_BROKERS?.split(',')

/** Brokers on which the data plane is tested: those that this machine has. NATS and RabbitMQ take long to start:
 *  they have a run of their own, `npm run test:brokers`. */
export const brokers: [string, Start][] = named
  ? [...everywhere, ...heavy].filter(([name]) => named.includes(name))
  : everywhere
