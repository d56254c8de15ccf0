import type { MqttClient } from 'mqtt'
import { BrokerClient } from '../../../controller/broker/broker-client.ts'
import { Arrivals } from './arrivals.ts'
import { Weather } from './weather.ts'

const settleMs = 10_000
const settleInterruptedMs = 2_000

/** Sends the data of the dataflow into its topics, beside the broker, and takes what comes out. */
export class Traffic {
  readonly arrivals: Arrivals
  readonly #weather: Weather
  readonly #broker: BrokerClient
  readonly #outlet: MqttClient
  readonly #end = new AbortController()
  readonly #running: Promise<void>

  /** @param dir of the dataflow @param topic of its sink */
  static async start(brokerUrl: string, dir: string, topic: string): Promise<Traffic> {
    const weather = await Weather.read(dir)
    const broker = await BrokerClient.connect(brokerUrl, { onChange() {}, onConnection() {} })
    const outlet = await broker.dedicated()
    await outlet.subscribeAsync(topic, { qos: 1 })
    return new Traffic(weather, broker, outlet)
  }

  private constructor(weather: Weather, broker: BrokerClient, outlet: MqttClient) {
    this.#weather = weather
    this.#broker = broker
    this.#outlet = outlet
    this.arrivals = new Arrivals(weather.sent)
    outlet.on('message', (_topic, payload) => this.arrivals.take(payload.toString()))
    this.#running = weather.run((topic, payload) => broker.publish(topic, payload, false), this.#end.signal)
    this.#running.catch(() => {}) // told at the end
  }

  get sent() {
    return this.#weather.sent.size
  }

  /** Sends no more, and waits for what is under way. @param isHasty for little */
  async end(isHasty: boolean): Promise<void> {
    this.#end.abort()
    await this.#running
    await this.arrivals.settle(isHasty ? settleInterruptedMs : settleMs)
    await this.#outlet.endAsync()
    await this.#broker.close()
  }
}
