import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

export interface TestBroker {
  url: string
  close(): Promise<void>
}

/** A broker that is a process of its own. */
export interface KillableBroker extends TestBroker {
  /** With -9. */
  kill(): Promise<void>
  /** As asked, so that it can save what it has. */
  end(): Promise<void>
  /** On the same port, from what the one before had on disk. */
  restart(): Promise<void>
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Resolves once something listens. @throws after `timeoutMs` */
export async function answers(port: number, timeoutMs = 15_000): Promise<void> {
  for (const end = Date.now() + timeoutMs; Date.now() < end; await sleep(20)) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise(resolve =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return
  }
  throw new Error(`nothing answers on port ${port}`)
}

/** Starts a broker that listens on `port` and keeps what it has in `dir`, which goes with it. */
export async function brokerProcess(
  program: string,
  args: string[],
  { port, dir }: { port: number; dir: string },
): Promise<KillableBroker> {
  const start = async () => {
    const child = spawn(program, args, { stdio: 'ignore' })
    await answers(port)
    return child
  }
  let child = await start()
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    // One that has just opened its port does not always heed the first.
    const again = setInterval(() => child.kill(signal), 1_000)
    await gone.finally(() => clearInterval(again))
  }
  return {
    url: `mqtt://127.0.0.1:${port}`,
    kill: () => end('SIGKILL'),
    end: () => end('SIGTERM'),
    async restart() {
      child = await start()
    },
    async close() {
      await end('SIGTERM')
      await rm(dir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
