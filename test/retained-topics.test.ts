import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Hosting } from '../runtime/hosting.ts'
import { silent } from '../runtime/log.ts'
import { RetainedTopics } from '../runtime/retained-topics.ts'
import type { Message } from '../runtime/transport.ts'
import { topics } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { LateTransport } from './support/late-transport.ts'
import { fn, sink, source, until } from './support/rig.ts'

const Retained = suite('what is retained on a broker that looks too early')
const flow = {
  name: 'late',
  nodes: [
    source('in', { type: 'every', intervalMs: 1e6 }),
    fn('work', ['in']),
    sink('out', ['work'], { type: 'log' }),
  ],
}

/** A host of the source, not started. */
function hostOn(transport: LateTransport) {
  const host = 'in-1'
  const presence = { v: 1, host, generation: 1, artifact: 'a', node: 'n', pid: 1, startedAt: '' } as const
  return new Hosting({
    flow: flow.name,
    node: 'in',
    presence,
    transport,
    transportTo: () => transport,
    env: {},
    log: silent,
  })
}

const wire = (transport: LateTransport, revision: number) =>
  transport.publish(
    topics.wiring(flow.name, 'in'),
    JSON.stringify({ ...wiringOf(flow).get('in')!, revision }),
    true,
  )

Retained('is found by a host that subscribes to its wiring meanwhile', async () => {
  const transport = new LateTransport()
  let missed = 0
  transport.between = async filters => {
    if (!filters.includes(topics.wiring(flow.name, 'in'))) return
    missed += 1
    wire(transport, 2)
  }
  wire(transport, 1)
  const host = hostOn(transport)
  await host.start()
  await until(() => host.revision === 2, 'the second wiring')
  assert.is(missed, 1)
  await host.stop(0)
})

Retained('is no news once something newer has come', async () => {
  const transport = new LateTransport()
  const heard: string[] = []
  let retained: RetainedTopics | undefined
  const connection = await transport.connect({
    clientId: 'one',
    clean: true,
    onMessage(message: Message) {
      if (retained!.isNews(message)) heard.push(message.payload.toString())
    },
    onClose() {},
  })
  retained = new RetainedTopics(connection)
  transport.publish('a', 'before', true)
  transport.between = async () => transport.publish('a', 'missed', true)
  await retained.subscribe(['a'], 1)
  await until(() => heard.length === 2, 'what was missed')
  assert.equal(heard, ['before', 'missed'])
  transport.publish('a', 'live', true)
  await connection.subscribe(['a'], 1)
  await sleep(5)
  assert.equal(heard, ['before', 'missed', 'live'])

  await retained.unsubscribe(['a'])
  transport.publish('a', 'while away', true)
  await sleep(1_100) // a subscription that has ended is not made again
  assert.is(heard.length, 3)
  transport.between = async () => {}
  await retained.subscribe(['a'], 1)
  await until(() => heard.length === 4, 'what came meanwhile')
  assert.is(heard[3], 'while away')
  retained.close()
  await connection.close()
})

Retained.run()
