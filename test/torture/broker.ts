import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { hasMosquitto, mosquitto } from '../support/brokers.ts'
import { hasGo, nats } from '../support/nats.ts'
import { brokerProcess, freePort, type KillableBroker } from '../support/process-broker.ts'
import { hasRabbitmq, rabbitmq } from '../support/rabbitmq.ts'

/** A broker in a process of its own, on a port that it keeps. */
export interface RestartableBroker {
  url: string
  /** Ends it as asked, so that it saves what it has, and starts it again after a while. @param meanwhile while it is down */
  restart(downMs: number, meanwhile?: () => Promise<void>): Promise<void>
  close(): Promise<void>
}

export const brokerNames = ['aedes', 'mosquitto', 'nats', 'rabbitmq'] as const
export type BrokerName = (typeof brokerNames)[number]

/** Messages that it keeps for a client: known to mosquitto alone, whose default is 1,000. 0: no limit. */
type Queue = number | undefined

const launches: Record<BrokerName, { isHere(): boolean; start(queue: Queue): Promise<KillableBroker> }> = {
  aedes: { isHere: () => true, start: aedes },
  // With a file for what it has.
  mosquitto: {
    isHere: hasMosquitto,
    start: (queue = 1_000) =>
      mosquitto(
        `persistence true\npersistence_location DIR/\nlog_type error\nmax_queued_messages ${queue}\n`,
      ),
  },
  nats: { isHere: hasGo, start: () => nats() },
  rabbitmq: { isHere: hasRabbitmq, start: () => rabbitmq() },
}

/** @throws when this machine does not have it */
export async function startBroker(name: BrokerName, queue?: Queue): Promise<RestartableBroker> {
  const { isHere, start } = launches[name]
  if (!isHere()) throw new Error(`${name} is not installed: install it, or take --broker aedes`)
  const broker = await start(queue)
  return {
    url: broker.url,
    async restart(downMs, meanwhile) {
      await broker.end()
      await meanwhile?.()
      await sleep(downMs)
      await broker.restart()
    },
    close: () => broker.close(),
  }
}

const embedded = fileURLToPath(new URL('../../controller/broker/broker-process.ts', import.meta.url))

/** The embedded broker as a controller runs it. */
async function aedes(): Promise<KillableBroker> {
  const dir = await mkdtemp(join(tmpdir(), 'dyninka-torture-aedes-'))
  const port = await freePort()
  return brokerProcess(process.execPath, [embedded, dir, '127.0.0.1', String(port)], { port, dir })
}
