import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Message } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { cpuMs } from './cpu.ts'

export interface LoadOptions {
  broker: string
  /** Topic of the records that come out. */
  outOf: string
  /** The next message, and how many records of it will come out. */
  next(): { topic: string; payload: string | Buffer; records: number }
  /** How many records a message from the end of the chain holds. */
  count(message: Message): number
  /** Records that may be under way: enough to keep everyone busy, too few for a queue of the broker to overflow. */
  window: number
  /** A steady rate instead of as many as the window lets through. */
  perSecond?: number
  /** Keeps how long each record took, with a steady rate: memory grows with the records. */
  timed?: boolean
}

/** Records put into a chain and taken out at its end. */
export class Load {
  arrived = 0
  sent = 0
  /** Of the records in order, if `timed`: when each was sent, or was to be while the window was full, and how long it
   *  took from then, ms. */
  readonly sentAt: number[] = []
  readonly latencies: number[] = []
  #options: LoadOptions
  #connection!: Connection
  #stopped = false
  #timer: NodeJS.Timeout | undefined

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** @param hear gets all that arrives */
  async start(hear: (message: Message, connection: Connection) => void = () => {}) {
    const { broker, outOf, perSecond } = this.#options
    this.#connection = await wireTransport(broker).connect({
      clientId: `load-${process.pid}`,
      clean: true,
      nudge: 'bench/nudge', // or the end of a large message waits up to 40 ms for TCP, whoever sent it
      onMessage: message => {
        const now = performance.now() // what it takes to count is ours
        this.#arrive(this.#options.count(message), now)
        hear(message, this.#connection)
        message.ack()
        if (perSecond === undefined) this.#fill()
      },
      onClose() {},
    })
    await this.#connection.subscribe([outOf], 1)
    if (perSecond === undefined) this.#fill()
    else this.resume()
  }

  /** Goes on at the steady rate. */
  resume() {
    this.#pace(this.#options.perSecond!)
  }

  /** Sends nothing more at a steady rate, and waits until all is out, or nothing comes any more. */
  async pause(): Promise<void> {
    clearInterval(this.#timer)
    let [progressed, before] = [performance.now(), this.arrived]
    while (this.arrived < this.sent && performance.now() < progressed + 5_000) {
      await sleep(20)
      if (this.arrived > before) [progressed, before] = [performance.now(), this.arrived]
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.pause()
    await this.#connection.close()
  }

  #arrive(records: number, now: number) {
    if (this.#options.timed) {
      for (let i = 0; i < records; i++) this.latencies.push(now - this.sentAt[this.arrived + i]!)
    }
    this.arrived += records
  }

  #fill() {
    while (!this.#stopped && this.sent - this.arrived < this.#options.window) this.#send()
  }

  #pace(perSecond: number) {
    const start = performance.now()
    let before = start
    let messages = 0
    this.#timer = setInterval(() => {
      const now = performance.now()
      const due = ((now - start) / 1000) * perSecond
      for (; messages < due && this.sent - this.arrived < this.#options.window; messages++) {
        const dueAt = start + (messages / perSecond) * 1000
        this.#send(dueAt < before ? dueAt : now) // what was held back has waited since
      }
      before = now
    }, 1)
  }

  #send(at = performance.now()) {
    const { topic, payload, records } = this.#options.next()
    if (this.#options.timed) for (let i = 0; i < records; i++) this.sentAt.push(at)
    this.sent += records
    this.#connection.publish(topic, payload).catch(() => {})
  }
}

export interface Throughput {
  perSecond: number
  /** Time on a CPU for each record, by process: less than the rate, it says nothing of what else the machine does. */
  cpuMicros: Record<string, number>
}

/** Records a second at the end of a chain, once it has warmed up. @param pids processes whose work it is */
export async function throughput(
  load: Load,
  pids: Record<string, number>,
  { warmMs = 2_500, ms = 3_000 } = {},
): Promise<Throughput> {
  await sleep(warmMs)
  const names = Object.keys(pids)
  const cpu = () => names.map(name => cpuMs([pids[name]!]))
  const [start, before, cpuBefore] = [performance.now(), load.arrived, cpu()]
  await sleep(ms)
  const records = load.arrived - before
  const cpuAfter = cpu()
  return {
    perSecond: (records / (performance.now() - start)) * 1000,
    cpuMicros: Object.fromEntries(
      names.map((name, i) => [name, ((cpuAfter[i]! - cpuBefore[i]!) / records) * 1000]),
    ),
  }
}
