import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type MqttClient } from 'mqtt'

interface ZoneWatchOptions {
  /** A zone's broker does not answer any more, or does again. */
  onChange(zone: string, isAway: boolean): void
  /** How long one may be silent before that is told. Default 3 s. */
  patienceMs?: number
}

const defaultPatienceMs = 3_000
/** How long the first answer is waited for. */
const firstMs = 2_000

/** Which brokers of zones answer, by a connection to each that is kept. */
export class ZoneWatch {
  #clients = new Map<string, MqttClient>()
  #away = new Set<string>()
  #timers = new Map<string, NodeJS.Timeout>()

  /** Knows of each whether it answers, or has not for two seconds. @param urls by zone */
  static async open(urls: Readonly<Record<string, string>>, options: ZoneWatchOptions): Promise<ZoneWatch> {
    const watch = new ZoneWatch(urls, options)
    const first = [...watch.#clients].map(async ([zone, client]) => {
      if (client.connected) return
      await Promise.race([
        new Promise(resolve => client.once('connect', resolve)),
        sleep(firstMs, undefined, { ref: false }),
      ])
      if (!client.connected) watch.#away.add(zone)
    })
    await Promise.all(first)
    return watch
  }

  private constructor(
    urls: Readonly<Record<string, string>>,
    { onChange, patienceMs = defaultPatienceMs }: ZoneWatchOptions,
  ) {
    for (const [zone, url] of Object.entries(urls)) {
      const client = connect(url, {
        protocolVersion: 4,
        clean: true,
        keepalive: 10,
        reconnectPeriod: 1_000,
        connectTimeout: 5_000,
      })
      this.#clients.set(zone, client)
      client.on('error', () => {}) // `close` follows, and another attempt
      client.on('connect', () => {
        clearTimeout(this.#timers.get(zone))
        this.#timers.delete(zone)
        if (this.#away.delete(zone)) onChange(zone, false)
      })
      client.on('close', () => {
        if (this.#timers.has(zone) || this.#away.has(zone)) return
        const late = () => {
          this.#timers.delete(zone)
          if (this.#away.has(zone)) return
          this.#away.add(zone)
          onChange(zone, true)
        }
        this.#timers.set(zone, setTimeout(late, patienceMs).unref())
      })
    }
  }

  /** Zones whose broker does not answer. */
  get away(): string[] {
    return [...this.#away]
  }

  /** @returns whether it would answer now: it may be away for a shorter while than is told */
  answers(zone: string): boolean {
    return this.#clients.get(zone)?.connected ?? false
  }

  async close(): Promise<void> {
    for (const timer of this.#timers.values()) clearTimeout(timer)
    for (const client of this.#clients.values()) {
      client.removeAllListeners('close')
      client.removeAllListeners('connect')
    }
    await Promise.all([...this.#clients.values()].map(client => client.endAsync(true)))
  }
}
