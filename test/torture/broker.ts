import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort, hasMosquitto } from '../support/brokers.ts'

/** A broker in a process of its own, on a port that it keeps. */
export interface RestartableBroker {
  url: string
  /** Ends it as asked, so that it saves what it has, and starts it again after a while. */
  restart(downMs: number): Promise<void>
  close(): Promise<void>
}

export const brokerNames = ['aedes', 'mosquitto'] as const
export type BrokerName = (typeof brokerNames)[number]

/** @throws when this machine does not have it */
export async function startBroker(name: BrokerName): Promise<RestartableBroker> {
  if (name === 'mosquitto' && !hasMosquitto())
    throw new Error('mosquitto is not installed: install it, or take --broker aedes')
  const dir = await mkdtemp(join(tmpdir(), `dyninka-torture-${name}-`))
  const port = await freePort()
  const launch = { aedes: launchAedes, mosquitto: launchMosquitto }[name]
  let child = await launch(dir, port)
  const end = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    await gone
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    async restart(downMs) {
      await end()
      await sleep(downMs)
      child = await launch(dir, port)
    },
    async close() {
      await end()
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}

const embedded = fileURLToPath(new URL('../../controller/broker/broker-process.ts', import.meta.url))

/** The embedded broker as a controller runs it. */
async function launchAedes(dir: string, port: number): Promise<ChildProcess> {
  const child = spawn(process.execPath, [embedded, dir, '127.0.0.1', String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await answers(port, child)
  return child
}

/** mosquitto with its default limits, and a file for what it has. */
async function launchMosquitto(dir: string, port: number): Promise<ChildProcess> {
  const config = join(dir, 'mosquitto.conf')
  await writeFile(
    config,
    [
      `listener ${port} 127.0.0.1`,
      'allow_anonymous true',
      'persistence true',
      `persistence_location ${dir}/`,
      'log_type error',
      // It gives up its rights when root starts it, and could not write into the folder.
      ...(process.getuid?.() === 0 ? ['user root'] : []),
      '',
    ].join('\n'),
  )
  const child = spawn('mosquitto', ['-c', config], { stdio: 'ignore' })
  await answers(port, child)
  return child
}

async function answers(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 500 && child.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return
    await sleep(20)
  }
  throw new Error(`the broker does not answer on port ${port}`)
}
