import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { againMs } from '../runtime/retained-topics.ts'
import type { ConnectOptions, Transport } from '../runtime/transport.ts'
import { aedes } from './support/brokers.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'
import { breaks, from, number, numbers } from './support/source-rig.ts'

const Lost = suite('credit that a broker dropped')

Lost('is asked for by a producer that waits', async () => {
  const broker = await aedes()
  let isLost = true
  const isHost = ({ clientId }: ConnectOptions) => clientId.includes('_host_')
  /** As a broker does with messages of QoS 0 for a client that does not read: hosts hear nothing of it. */
  const lossy = (transport: Transport): Transport => ({
    ...transport,
    connect: options =>
      transport.connect({
        ...options,
        onMessage: message =>
          isLost && isHost(options) && message.topic.includes('/credit/pass/')
            ? message.ack()
            : options.onMessage(message),
      }),
  })
  const rig = new Rig(
    broker.url,
    [
      source('in', from('credit/in')),
      fn('pass', ['in']),
      sink('out', ['pass'], { type: 'mqtt', topic: 'credit/out', retain: false }),
    ],
    { pass: value => value },
  )
  rig.through = lossy
  await rig.start()
  const heard = await rig.listen('credit/out')
  for (let n = 1; n <= 70; n++) {
    await rig.publish('credit/in', number(n))
    await sleep(1)
  }
  await sleep(againMs.at(-1)! + 2_000) // until then a new connection looks again for what is retained
  assert.ok(heard.length < 70, `${heard.length} came`)
  isLost = false
  await until(() => heard.length === 70, 'the others', 15_000)
  assert.equal(breaks(numbers(heard)), [])
  await rig.close()
  await broker.close()
})

Lost.run()
