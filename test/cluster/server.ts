import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server of a test cluster: a process that ends with this one, even if this one is killed. */
export interface Server {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Its standard input. */
  readonly input: NodeJS.WritableStream
  ended(): boolean
  signal(signal: NodeJS.Signals): void
  /** With -9: nothing that it has is needed any more. */
  kill(): Promise<void>
}

/** @param folder where its log goes */
export function startServer(
  folder: string,
  program: string,
  args: string[],
  name = basename(program),
): Server {
  const logFile = join(folder, `${name}.log`)
  const log = openSync(logFile, 'a')
  // The kernel ends it when this process is gone. A session of its own, as an interrupt from the terminal is for this
  // process to handle.
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    stdio: ['pipe', log, log],
    detached: true,
  })
  closeSync(log)
  child.on('error', () => {}) // told by `ended`
  child.stdin!.on('error', () => {})
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  const ended = () => child.pid === undefined || child.exitCode !== null || child.signalCode !== null
  return {
    name,
    pid: child.pid ?? 0,
    logFile,
    input: child.stdin!,
    ended,
    signal: signal => void child.kill(signal),
    async kill() {
      if (ended()) return
      child.ref()
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

/** Waits until `isReady`. @throws with the end of its log, when the server ends before or needs more than `timeoutMs` */
export async function ready(
  server: Server,
  isReady: () => Promise<boolean> | boolean,
  timeoutMs = 180_000,
): Promise<void> {
  for (const end = Date.now() + timeoutMs; ; await sleep(50)) {
    if (server.ended()) throw new Error(`${server.name} ended:\n${lastLines(server.logFile)}`)
    if (await isReady()) return
    if (Date.now() > end)
      throw new Error(`${server.name} is not ready after ${timeoutMs} ms:\n${lastLines(server.logFile)}`)
  }
}

export function lastLines(file: string, count = 15): string {
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n')
}
