import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection, Message } from '../../runtime/transport.ts'
import { wireTransport } from '../../runtime/wire-transport.ts'
import { cpuMs } from './cpu.ts'

export interface LoadOptions {
  broker: string
  /** Topic of the records that go in, and of those that come out. */
  into: string
  outOf: string
  /** The next message, and how many records it holds. */
  next(): { payload: string | Buffer; records: number }
  /** How many records a message from the end of the chain holds. */
  count(message: Message): number
  /** Records that may be under way: enough to keep everyone busy, too few for a queue of the broker to overflow. */
  window: number
}

/** Records put into a chain and taken out at its end, as many at once as the window allows. */
export class Load {
  arrived = 0
  sent = 0
  #options: LoadOptions
  #connection!: Connection
  #stopped = false

  constructor(options: LoadOptions) {
    this.#options = options
  }

  /** @param hear what else arrives on this connection; to subscribe to it, use `also` */
  async start(also: string[] = [], hear: (message: Message, connection: Connection) => void = () => {}) {
    const { broker, outOf, count } = this.#options
    this.#connection = await wireTransport(broker).connect({
      clientId: `load-${process.pid}`,
      clean: true,
      onMessage: message => {
        if (message.topic === outOf) this.arrived += count(message)
        hear(message, this.#connection)
        message.ack()
        this.#fill()
      },
      onClose() {},
    })
    await this.#connection.subscribe([outOf, ...also], 1)
    this.#fill()
  }

  /** Stops sending, and waits until all is out. */
  async stop(): Promise<void> {
    this.#stopped = true
    const end = performance.now() + 5_000
    while (this.arrived < this.sent && performance.now() < end) await sleep(20)
    await this.#connection.close()
  }

  #fill() {
    const { into, next, window } = this.#options
    while (!this.#stopped && this.sent - this.arrived < window) {
      const { payload, records } = next()
      this.sent += records
      this.#connection.publish(into, payload).catch(() => {})
    }
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
  { warmMs = 1_500, ms = 3_000 } = {},
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
