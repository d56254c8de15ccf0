import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { Problem } from '../../schema/problem.ts'
import { readJson, writeJson } from '../atomic-file.ts'
import { withoutCredentials } from './broker-client.ts'
import { checkBrokerUrl } from './broker-url.ts'
import { checkBroker } from './check/check-broker.ts'
import { embeddedBroker, stopEmbeddedBroker } from './embedded-broker.ts'
import { succession } from './succession.ts'

/** By zone: `embedded`, or the URL of its broker. */
export type DeclaredBrokers = Readonly<Record<string, string>>

interface ZoneBrokersOptions {
  state: string
  declared: DeclaredBrokers
  /** Zones of brokers that something may still go by. */
  inUse: Iterable<string>
  log: Logger
}

const lookMs = 2_000
const folderOf = (state: string, zone: string) => join(state, 'brokers', zone)
const fileIn = (state: string) => join(state, 'zone-brokers.json')

/** A name is a level of topics and a folder. */
const zonePattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/** @throws Problem when one of them can't be what it is said to be */
export function checkDeclared(declared: DeclaredBrokers, zones: readonly string[]): void {
  for (const [zone, url] of Object.entries(declared)) {
    if (!zonePattern.test(zone))
      throw new Problem(
        'BadZone',
        `a zone with a broker has a name of letters, digits, and . _ -, not ${zone}`,
        {
          disposition: 'stalled',
        },
      )
    if (!zones.includes(zone))
      throw new Problem('ZoneUnknown', `there is no node in the zone ${zone}, which is to have a broker`, {
        disposition: 'stalled',
        hint: `There ${zones.length === 1 ? 'is' : 'are'} ${zones.join(', ')}.`,
      })
    if (url !== 'embedded') checkBrokerUrl(url)
  }
}

/** Brokers of zones: those that are declared, and those of before that sessions may still be on. */
export class ZoneBrokers {
  /** By zone. */
  readonly urls: Readonly<Record<string, string>>
  /** Zones whose broker edges may go by. */
  readonly offered: string[]
  /** Of what hosts are told. */
  readonly digest: string
  #state: string
  #embedded: string[]
  #fresh: string[]
  #timer: NodeJS.Timeout

  /** Starts those that are embedded, and checks the others. @returns undefined where there are none
   *  @throws Problem when one can't be reached, or would break a promise */
  static async open({ state, declared, inUse, log }: ZoneBrokersOptions): Promise<ZoneBrokers | undefined> {
    const before = readJson<DeclaredBrokers>(fileIn(state)) ?? {}
    const { known, offered, leaving } = succession(before, declared, inUse, isSame)
    for (const zone of leaving)
      if (declared[zone] !== undefined)
        log.warn(
          { zone },
          'the broker of a zone is another one: it is used by a later start, once nothing goes by the one before',
        )
    if (Object.keys(known).length === 0 && Object.keys(before).length === 0) return undefined
    // One that it ran on already may be away for now, and must not keep a controller from its work.
    for (const zone of offered) if (before[zone] !== declared[zone]) await check(zone, declared[zone]!)
    for (const [zone, url] of Object.entries(before))
      if (url === 'embedded' && known[zone] !== url) await stopEmbeddedBroker(folderOf(state, zone))
    writeJson(fileIn(state), known, 0o600)
    if (Object.keys(known).length === 0) return undefined
    const urls: Record<string, string> = {}
    const fresh: string[] = []
    for (const [zone, url] of Object.entries(known)) {
      if (url !== 'embedded') urls[zone] = url
      else
        urls[zone] = await startIn(state, zone, fresh).catch(async error => {
          await stopIn(state, fresh)
          throw ofZone(zone, error)
        })
    }
    return new ZoneBrokers({
      state,
      urls,
      offered,
      log,
      fresh,
      embedded: embeddedOf(known),
    })
  }

  private constructor({ state, urls, offered, embedded, fresh, log }: Opened) {
    this.#fresh = fresh
    this.#state = state
    this.urls = urls
    this.offered = offered.toSorted()
    this.#embedded = embedded
    const told = Object.entries(urls).toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.digest = `sha256:${createHash('sha256').update(JSON.stringify(told)).digest('hex')}`
    const look = async () => {
      for (const zone of this.#embedded)
        await embeddedBroker(folderOf(state, zone), { samePort: true }).catch(error =>
          log.error({ err: error, zone }, 'the embedded broker of a zone is down'),
        )
    }
    let looking = false
    this.#timer = setInterval(() => {
      if (looking) return
      looking = true
      void look().finally(() => {
        looking = false
      })
    }, lookMs).unref()
  }

  /** Leaves them running. */
  close(): void {
    clearInterval(this.#timer)
  }

  /** Ends those that are embedded: they save their sessions. */
  async stop(): Promise<void> {
    this.close()
    await stopIn(this.#state, this.#embedded)
  }

  /** Ends those that did not run before: for a controller that does not start. */
  async undo(): Promise<void> {
    this.close()
    await stopIn(this.#state, this.#fresh)
  }
}

async function check(zone: string, url: string): Promise<void> {
  if (url === 'embedded') return
  await checkBroker(url, { withZones: true }).catch(error => {
    throw ofZone(zone, error)
  })
}

/** A problem with a broker, as that of a zone. */
export function ofZone(zone: string, error: unknown): unknown {
  if (!(error instanceof Problem)) return error
  const { reason, message, hint, disposition } = error
  return new Problem(reason, `zone ${zone}: ${message}`, {
    cause: error,
    disposition,
    subject: zone,
    ...(hint !== undefined && { hint }),
  })
}

interface Opened {
  state: string
  urls: Record<string, string>
  offered: string[]
  embedded: string[]
  fresh: string[]
  log: Logger
}

const isSame = (a: string, b: string) =>
  a === b || (a !== 'embedded' && b !== 'embedded' && withoutCredentials(a) === withoutCredentials(b))

const embeddedOf = (known: DeclaredBrokers) =>
  Object.entries(known).flatMap(([zone, url]) => (url === 'embedded' ? [zone] : []))

/** @param fresh gets its zone, unless it ran before */
async function startIn(state: string, zone: string, fresh: string[]): Promise<string> {
  const folder = folderOf(state, zone)
  mkdirSync(folder, { recursive: true })
  const { url, adopted } = await embeddedBroker(folder)
  if (!adopted) fresh.push(zone)
  return url
}

async function stopIn(state: string, zones: readonly string[]): Promise<void> {
  for (const zone of zones) await stopEmbeddedBroker(folderOf(state, zone))
}

/** Ends every embedded broker of a zone that a state folder knows, whoever started it. */
export async function stopZoneBrokers(state: string): Promise<void> {
  let zones: string[] = []
  try {
    zones = readdirSync(join(state, 'brokers'))
  } catch {} // there never was one
  await stopIn(state, zones)
}
