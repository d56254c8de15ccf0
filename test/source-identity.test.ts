import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Counters } from '../runtime/counters.ts'
import { decode } from '../runtime/frame.ts'
import { silent } from '../runtime/log.ts'
import { MemoryTransport } from '../runtime/memory-transport.ts'
import { Source } from '../runtime/source.ts'
import { MqttFeed } from '../runtime/sources/mqtt-feed.ts'
import type { Transport } from '../runtime/transport.ts'
import { intakeSessionId } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { CrashingTransport } from './support/crashing-transport.ts'
import { fn, source } from './support/rig.ts'

const spec = { type: 'mqtt', filter: 'outside/in', format: 'json' } as const
const flow = {
  name: 't',
  nodes: [source('in', spec, { id: 'n' }), fn('work', ['in'], { key: 'n', scale: { min: 1, max: 4 } })],
}
const wiring = { ...wiringOf(flow).get('in')!, revision: 1 }
const records = 180
/** With fewer, a host dies before its subscription: nothing keeps what comes before. */
const firstPackets = 10

const Identity = suite('a source that knows its records')

/** The one host of the source. @returns once it has the session */
async function host(transport: Transport): Promise<void> {
  const made = new Source({
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
    creditOf: () => undefined,
    onChange() {},
    onClosed() {},
  })
  await made.start()
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
    const consumer = await broker.connect({
      clientId: 'consumer',
      clean: false,
      onClose() {},
      onMessage(message) {
        for (const { value } of decode(message.payload).records) seen.add((value as { n: number }).n)
        message.ack()
      },
    })
    await consumer.subscribe(['dyninka/t/data/in/#'], 1)
    let isDead = false
    const first = new CrashingTransport(broker, packets, () => {
      isDead = true
    })
    await host(slow(first)).catch(() => {})
    for (let n = 0; n < records; n++) {
      broker.publish(spec.filter, JSON.stringify({ n }))
      if (n % 6 === 5) await turn()
    }
    for (let i = 0; i < 200 && !isDead; i++) await turn()
    await host(broker)
    for (let i = 0; i < 200 && seen.size < records; i++) await turn()
    const missing = Array.from({ length: records }, (_, n) => n).filter(n => !seen.has(n))
    assert.equal(missing, [], `died after ${packets} packets`)
  }
})

Identity.run()
