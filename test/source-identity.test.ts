import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Counters } from '../runtime/counters.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Source } from '../runtime/source.ts'
import { MqttFeed } from '../runtime/sources/mqtt-feed.ts'
import type { Transport } from '../runtime/transport.ts'
import { intakeSessionId, partitionNames } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { CrashingTransport } from './support/crashing-transport.ts'
import { fn, source } from './support/rig.ts'
import { Taken } from './support/taken.ts'

const spec = { type: 'mqtt', filter: 'outside/in', format: 'json' } as const
const flow = {
  name: 't',
  nodes: [source('in', spec, { id: 'n' }), fn('work', ['in'], { key: 'n', scale: { min: 1, max: 4 } })],
}
const wiring = { ...wiringOf(flow).get('in')!, revision: 1 }
const partitions = partitionNames({ partitions: 4, key: 'n' })
const records = 180
/** With fewer, a host dies before its subscription: nothing keeps what comes before. */
const firstPackets = 10

const Identity = suite('a source that knows its records')

/** The one host of the source. @param taken by partition of its consumer */
function host(transport: Transport, taken: Map<string, Taken>): Source {
  return new Source({
    ...{
      flow: flow.name,
      node: 'in',
      partition: 0,
      transport,
      wiring,
      log: silent,
      counters: new Counters(),
    },
    feeds: {
      feedOf: (_, options) =>
        new MqttFeed({ ...options, transport, clientId: intakeSessionId('t', 'in'), filter: spec.filter }),
      async endFeed() {},
    },
    creditOf: (_, partition) => ({ progress: taken.get(partition)!.progress, frames: 2 }),
    onChange() {},
    onClosed() {},
  })
}

/** Its acknowledgments take their time, and some longer than others. */
function slow(transport: Transport): Transport {
  let count = 0
  return {
    async connect(options) {
      const connection = await transport.connect(options)
      return {
        ...connection,
        async publish(...packet) {
          await connection.publish(...packet)
          for (let wait = 5 + ((++count * 7) % 13); wait > 0; wait--) await turn()
        },
      }
    },
  }
}

const turn = () => new Promise(resolve => setImmediate(resolve))

Identity('passes each on, whichever packet was the last of a host', async () => {
  for (let packets = firstPackets; packets < 120; packets += 2) {
    const broker = new MemoryTransport()
    const seen = new Set<number>()
    const taken = new Map(partitions.map(name => [name, new Taken('in.0')]))
    let owner: Source | undefined
    const consumer = await broker.connect({
      clientId: 'consumer',
      clean: false,
      onClose() {},
      onMessage(message) {
        const partition = partitions[Number(message.topic.split('/').at(-1))]!
        for (const { value } of taken.get(partition)!.take(message.payload))
          seen.add((value as { n: number }).n)
        message.ack()
        owner?.credit('work', partition)
      },
    })
    await consumer.subscribe(['dyninka/t/data/in/#'], 1)
    let isDead = false
    const first = new CrashingTransport(broker, packets, () => {
      isDead = true
    })
    owner = host(slow(first), taken)
    await owner.start().catch(() => {})
    for (let n = 0; n < records; n++) {
      broker.publish(spec.filter, JSON.stringify({ n }))
      if (n % 6 === 5) await turn()
    }
    for (let i = 0; i < 200 && !isDead; i++) await turn()
    owner = host(broker, taken)
    await owner.start()
    for (let i = 0; i < 200 && seen.size < records; i++) await turn()
    const missing = Array.from({ length: records }, (_, n) => n).filter(n => !seen.has(n))
    assert.equal(missing, [], `died after ${packets} packets`)
  }
})

Identity.run()
