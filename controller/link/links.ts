import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, openSync } from 'node:fs'
import { extname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import type { DeclaredLink } from '../../schema/declared-link.ts'
import { Problem } from '../../schema/problem.ts'
import { readJson } from '../atomic-file.ts'
import { isAlive, type ProcessIdentity, signal } from '../process-identity.ts'
import { type PlacedBroker, type Way, waysOf } from './ways.ts'

export interface LinkFile extends ProcessIdentity {
  declared: DeclaredLink[]
  ways: Way[]
}

/** What the process is to do. */
export interface LinkOrder {
  declared: DeclaredLink[]
  ways: readonly Way[]
  /** It comes back: at the ports that it had, or not at all. */
  isBack: boolean
}

const startTimeoutMs = 10_000
const checkMs = 2_000
const program = fileURLToPath(new URL(`./link-process${extname(import.meta.url)}`, import.meta.url))
const fileIn = (state: string) => join(state, 'links.json')
const logIn = (state: string) => join(state, 'logs', 'links.log')

/** The links between virtual zones of this machine. Their process outlives the controller; one that has ended is started
 *  again, at the ports that hosts know. */
export class Links {
  /** Hosts that an earlier controller started may know other ways. */
  readonly haveChanged: boolean
  readonly #ways: readonly Way[]
  #watch: NodeJS.Timeout | undefined

  /** @throws Problem when they can't be kept */
  static async open(
    state: string,
    declared: DeclaredLink[],
    brokers: readonly PlacedBroker[],
  ): Promise<Links> {
    const before = readJson<LinkFile>(fileIn(state))
    const asked = waysOf(declared, brokers).map(way => {
      const known = before?.ways.find(
        ({ from, to, name }) => from === way.from && to === way.to && name === way.name,
      )
      return known ? { ...way, port: known.port! } : way
    })
    const isSame = isDeepStrictEqual(before?.declared ?? [], declared)
    const isThere = before !== undefined && isAlive(before)
    if (isThere && isSame && isDeepStrictEqual(before.ways, asked))
      return new Links(state, declared, asked, false)
    if (isThere) await stopLinks(state)
    const ways = asked.length === 0 ? [] : await start(state, { declared, ways: asked, isBack: false })
    return new Links(state, declared, ways, !isDeepStrictEqual(before?.ways ?? [], ways))
  }

  private constructor(state: string, declared: DeclaredLink[], ways: Way[], haveChanged: boolean) {
    this.haveChanged = haveChanged
    this.#ways = ways
    if (ways.length === 0) return
    this.#watch = setInterval(() => {
      const process = readJson<LinkFile>(fileIn(state))
      if (!process || !isAlive(process)) start(state, { declared, ways, isBack: true }).catch(() => {}) // the next look tries again
    }, checkMs).unref()
  }

  /** The URL of a broker as hosts of a zone have it. @param url with credentials or without */
  urlFrom(zone: string | undefined, url: string): string {
    const broker = addressOf(url)
    const way = this.#ways.find(each => each.from === zone && each.broker === broker)
    if (!way) return url
    const there = new URL(url)
    there.host = `127.0.0.1:${way.port}`
    return there.href.replace(/\/$/, '')
  }

  /** The broker that such a URL leads to, as `mqtt://host:port`. */
  brokerAt(url: string): string {
    return this.#ways.find(({ port }) => url === `mqtt://127.0.0.1:${port}`)?.broker ?? url
  }

  /** Lets go of them: they go on. */
  close(): void {
    clearInterval(this.#watch)
  }
}

/** Ends them. Returns once their ports are free. */
export async function stopLinks(state: string): Promise<void> {
  const file = readJson<LinkFile>(fileIn(state))
  if (!file) return
  signal(file, 'SIGKILL')
  while (isAlive(file)) await sleep(10)
}

/** Without what opens it. */
const addressOf = (url: string) => {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}`
}

function start(state: string, order: LinkOrder): Promise<Way[]> {
  mkdirSync(join(state, 'logs'), { recursive: true })
  const log = openSync(logIn(state), 'w')
  const child = spawn(process.execPath, [program, fileIn(state), JSON.stringify(order)], {
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  })
  closeSync(log)
  return new Promise((resolve, reject) => {
    const settle = (opened?: Way[]) => {
      clearTimeout(timer)
      child.removeAllListeners()
      if (child.connected) child.disconnect()
      child.unref()
      if (opened) return resolve(opened)
      child.kill('SIGKILL')
      reject(
        new Problem('LinksFailed', 'the links between zones do not start', { hint: `Read ${logIn(state)}.` }),
      )
    }
    const timer = setTimeout(settle, startTimeoutMs)
    child.once('message', message => settle((message as { ways: Way[] }).ways))
    child.once('error', () => settle())
    child.once('exit', () => settle())
  })
}
