import { type Bench, type Figure, median } from './figure.ts'
import { readingOf } from './peers/step.ts'
import { Load, type Throughput, throughput } from './support/load.ts'
import { mosquitto } from './support/mosquitto.ts'
import { Services } from './support/services.ts'

const kinds = { mqttjs: 'mqtt.js', wire: 'our session on mqtt-packet' }
const sizes = { 'one record': 1, 'frames of 250': 250 }

/** One relay on mqtt.js and one on our thin session, behind the same interface (runtime/transport.ts): each message
 *  is acknowledged once what it gave is. */
export default {
  name: 'transport',
  async run({ runs }) {
    const figures: Figure[] = []
    for (const [size, records] of Object.entries(sizes)) {
      const results: Record<string, Throughput[]> = { mqttjs: [], wire: [] }
      for (let run = 0; run < runs; run++) {
        for (const kind of Object.keys(kinds)) results[kind]!.push(await measure(kind, records))
      }
      const cpu = (kind: string) => results[kind]!.map(({ cpuMicros }) => cpuMicros.relay! * records)
      const rate = (kind: string) => results[kind]!.map(({ perSecond }) => perSecond / records)
      for (const [kind, name] of Object.entries(kinds)) {
        const against = { peer: kinds.mqttjs, ratio: ratioOf(rate(kind), rate('mqttjs')) }
        const ofCpu = { peer: kinds.mqttjs, ratio: ratioOf(cpu(kind), cpu('mqttjs')) }
        figures.push(
          {
            name: `${name}, ${size}`,
            value: median(rate(kind)),
            unit: 'messages/s',
            better: 'higher',
            ...against,
          },
          {
            name: `${name}, ${size}: CPU`,
            value: median(cpu(kind)),
            unit: 'µs/message',
            better: 'lower',
            ...ofCpu,
          },
        )
      }
    }
    return figures
  },
} satisfies Bench

const ratioOf = (values: number[], others: number[]) =>
  median(values.map((value, run) => value / others[run]!))

async function measure(kind: string, records: number): Promise<Throughput> {
  const broker = await mosquitto(false)
  const services = new Services()
  try {
    const { pid } = await services.start('transport-relay', kind, broker.url, 'relay/in', 'relay/out')
    const payload = JSON.stringify(Array.from({ length: records }, (_, i) => readingOf(i)))
    const load = new Load({
      broker: broker.url,
      outOf: 'relay/out',
      next: () => ({ topic: 'relay/in', payload, records }),
      count: () => records,
      window: 200 * records,
    })
    await load.start()
    const result = await throughput(load, { relay: pid! })
    await load.stop()
    return result
  } finally {
    await services.stop()
    await broker.close()
  }
}
