import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { connect } from 'node:net'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Problem } from '../../schema/problem.ts'
import { readJson } from '../atomic-file.ts'
import { isAlive, type ProcessIdentity, signal } from '../process-identity.ts'
import { clearUnsaved, isMarkedUnsaved } from './unsaved.ts'

export interface EmbeddedBroker {
  url: string
  /** It ran before this call. */
  adopted: boolean
}

interface BrokerFile extends ProcessIdentity {
  url: string
}

/** What the process says of its start. */
interface Told {
  url?: string
  problem?: { reason: string; message: string; hint: string }
}

const startTimeoutMs = 10_000
const endTimeoutMs = 7_000
const program = fileURLToPath(new URL(`./broker-process${extname(import.meta.url)}`, import.meta.url))
const fileIn = (state: string) => join(state, 'broker.json')
const logIn = (state: string) => join(state, 'logs', 'broker.log')

/** Finds the broker that an earlier controller left running, or starts one on the port that it had, so that
 *  hosts which outlived it find it again.
 *  Port and process are checked: a stale file is not believed. */
export async function embeddedBroker(state: string, { samePort = false } = {}): Promise<EmbeddedBroker> {
  const file = readJson<BrokerFile>(fileIn(state))
  if (file && isAlive(file) && (await answers(file.url))) return { url: file.url, adopted: true }
  if (file) signal(file, 'SIGKILL')
  const port = file ? Number(new URL(file.url).port) : 0
  const started = await start(state, port)
  if (started !== undefined) return { url: started, adopted: false }
  const elsewhere = port === 0 || samePort ? undefined : await start(state, 0)
  if (elsewhere !== undefined) return { url: elsewhere, adopted: false }
  throw new Problem('BrokerFailed', 'the embedded broker does not start', {
    hint: `Read ${logIn(state)}, or give another broker with --broker URL.`,
  })
}

/** Ends it cleanly: it saves its sessions. Returns once it is gone.
 *  @throws Problem when it can't save them: it goes on, so that nothing is lost */
export async function stopEmbeddedBroker(state: string): Promise<void> {
  const file = readJson<BrokerFile>(fileIn(state))
  if (!file) return
  clearUnsaved(state)
  signal(file, 'SIGTERM')
  for (let waitedMs = 0; isAlive(file); waitedMs += 20) {
    const isLate = waitedMs === endTimeoutMs
    if (isMarkedUnsaved(state) || (isLate && (await answers(file.url)))) {
      clearUnsaved(state)
      throw new Problem('BrokerUnsaved', 'the embedded broker can not save its sessions, and goes on', {
        hint: `Make room on the disk of ${state}, or see to the right to write there, and stop it again: ended now, it would lose what is queued, and all state.`,
      })
    }
    if (isLate) signal(file, 'SIGKILL')
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

function start(state: string, port: number): Promise<string | undefined> {
  mkdirSync(join(state, 'logs'), { recursive: true })
  const log = openSync(logIn(state), 'w')
  const child = spawn(process.execPath, [program, state, '127.0.0.1', String(port)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(undefined), startTimeoutMs)
    const settle = (url: string | undefined, problem?: Told['problem']) => {
      clearTimeout(timer)
      child.removeAllListeners()
      if (child.connected) child.disconnect()
      if (url === undefined) child.kill('SIGKILL')
      child.unref()
      if (problem) reject(new Problem(problem.reason, problem.message, { hint: problem.hint }))
      else resolve(url)
    }
    child.once('message', message => settle((message as Told).url, (message as Told).problem))
    child.once('error', () => settle(undefined))
    child.once('exit', () => settle(undefined))
  })
}

function answers(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  return new Promise(resolve => {
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) })
    const settle = (reached: boolean) => {
      socket.destroy()
      resolve(reached)
    }
    socket.setTimeout(2_000, () => settle(false))
    socket.once('connect', () => settle(true))
    socket.once('error', () => settle(false))
  })
}
