import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { Counters } from '../runtime/counters.ts'
import { FrameBuilder } from '../runtime/frame.ts'
import { silent } from '../runtime/log.ts'
import { Partition } from '../runtime/partition.ts'
import { wireTransport } from '../runtime/wire-transport.ts'
import { topics } from '../schema/topics.ts'
import { type Wiring, wiringOf } from '../schema/wiring.ts'
import { aedes } from './support/brokers.ts'
import { fn, source } from './support/rig.ts'

const flow = 'sleeper'

const Sleeper = suite('a host that slept while partitions were cut twice')

Sleeper(
  'takes nothing up of the cut to come, whose partitions are called like those that it knew',
  async () => {
    const broker = await aedes()
    const nodes = [source('in', { type: 'every', intervalMs: 1e6 }), fn('f', ['in'], { key: 'key' })]
    const wiring: Wiring = { ...wiringOf({ name: flow, nodes }).get('f')!, revision: 1 }
    const controller = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
    const { inputs } = wiring
    await controller.prepare(flow, 'f', { partitions: 1, key: 'key', inputs }, { round: 2 })
    const frame = new FrameBuilder()
    frame.add('', 1, 1, 'k', '1')
    await controller.publish(topics.data(flow, 'in', 'default', 'key-1', 0), frame.build(0), false)

    let handled = 0
    const partition = new Partition({
      flow,
      node: 'f',
      partition: 0,
      cut: { partitions: 1, key: 'key' },
      name: '0',
      transport: wireTransport(broker.url),
      wiring,
      handlersOf: () => ({
        default() {
          handled += 1
        },
      }),
      stateBytes: () => 1e6,
      env: {},
      log: silent,
      counters: new Counters(),
      creditOf: () => undefined,
      onChange() {},
      onClosed() {},
    })
    const error = await partition.start().then(
      () => undefined,
      (error: Error) => error,
    )
    assert.match(error?.message ?? 'it runs', /waits for its wiring: its partitions were cut 2 times, not 0/)
    assert.is(handled, 0)
    await partition.drain(100)
    await controller.close()
    await broker.close()
  },
)

Sleeper.run()
