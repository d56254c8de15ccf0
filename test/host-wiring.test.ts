import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { wireTransport } from '../runtime/wire-transport.ts'
import { intakeSessionId, sessionId, topics } from '../schema/topics.ts'
import { wiringOf } from '../schema/wiring.ts'
import { brokers, type TestBroker } from './support/brokers.ts'
import { nats } from './support/nats.ts'
import { fn, Rig, sink, source, until } from './support/rig.ts'

let run = 0

for (const [name, start] of brokers) {
  const Changes = suite(`a change of wiring on ${name}`)
  let broker: TestBroker
  const rigs: Rig[] = []
  Changes.before(async () => {
    broker = await start()
  })
  Changes.after.each(async () => {
    for (const rig of rigs.splice(0)) await rig.close()
  })
  Changes.after(() => broker.close())

  /** `work` and the source itself feed both `out` and `stuck`, whose function never comes to an end. */
  const stuckRig = async () => {
    run += 1
    const rig = new Rig(
      broker.url,
      [
        source('in', { type: 'mqtt', filter: `w/${run}/in`, format: 'json' }),
        fn('work', ['in']),
        fn('stuck', ['work', 'in'], {
          retry: { attempts: 9, backoffMs: 5, timeoutMs: 60_000, order: 'strict' },
        }),
        sink('out', ['work'], { type: 'mqtt', topic: `w/${run}/out`, retain: false }),
      ],
      {
        work: value => value,
        // Until its host goes: a timer that waits for it would keep this process.
        stuck: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', reject)),
      },
    )
    rigs.push(rig)
    return rig.start()
  }
  const numbers = (heard: { payload: Buffer }[]) => new Set(heard.map(({ payload }) => String(payload)))

  Changes('does not wait for a consumer that it removes', async () => {
    const rig = await stuckRig()
    const heard = await rig.listen(`w/${run}/out`)
    const presences = await rig.listen(topics.hosts(rig.flow.name))
    const sending = (async () => {
      for (let n = 1; n <= 400; n++)
        await rig.publish(`w/${run}/in`, JSON.stringify({ n, fill: 'x'.repeat(4_000) }))
    })()
    const [work] = rig.hosts('work')
    await until(
      () => presences.some(({ payload }) => String(payload).includes('waits for stuck')),
      'a full window',
    )
    rig.flow.nodes.splice(2, 1)
    await rig.wire(2)
    await rig.ready(work!)
    await sending
    await until(() => numbers(heard).size === 400, '400 records', 30_000) // NATS sends one frame at a time
  })

  const rigOf = ({ url = broker.url, work = fn('work', ['in']), retain = false } = {}) => {
    run += 1
    const rig = new Rig(
      url,
      [
        source('in', { type: 'mqtt', filter: `w/${run}/in`, format: 'json' }),
        work,
        sink('out', ['work'], { type: 'mqtt', topic: `w/${run}/out`, retain }),
      ],
      { work: value => value },
    )
    rigs.push(rig)
    return rig
  }

  Changes('takes no older wiring for a newer one', async () => {
    const rig = rigOf()
    await rig.wire(2)
    await rig.start()
    const heard = await rig.listen(`w/${run}/out`)
    const contents = wiringOf(rig.flow)
    for (const node of ['in', 'work']) {
      const old = { ...contents.get(node)!, outputs: {}, revision: 1 }
      await rig.publish(topics.wiring(rig.flow.name, node), JSON.stringify(old), true)
    }
    // One at a time, so that each leaves in a frame of its own and the window would fill.
    for (let n = 1; n <= 150; n++) {
      await rig.publish(`w/${run}/in`, JSON.stringify({ n }))
      await until(() => heard.length === n, `record ${n}`)
    }
    assert.is(numbers(heard).size, 150)
  })

  const wide = () => {
    const rig = rigOf({ work: fn('work', ['in'], { key: 'k', scale: { min: 1, max: 8 } }) })
    rig.unordered = name === 'nats'
    return rig
  }

  // NATS knows what is retained a little later than it was published, and begins to listen later still.
  Changes('reaches a host that starts meanwhile', async () => {
    for (let round = 0; round < 6; round++) {
      const rig = wide()
      await rig.wire(1)
      const hosts = await Promise.all(rig.flow.nodes.map(({ name }) => rig.host(name)))
      for (let revision = 2; revision < 12; revision++) {
        await sleep(round * 10)
        await rig.wire(revision)
      }
      await until(() => hosts.every(host => rig.hosting(host).revision === 11), 'the last wiring')
    }
  })

  // NATS brings a session nothing more whose owner died with something retained in its hands.
  Changes('reaches whoever takes over from hosts that died as they began', async () => {
    const rig = wide()
    await rig.wire()
    for (let ms = 80; ms <= 280; ms += name === 'nats' ? 4 : 40) {
      const host = await rig.host('work')
      await sleep(ms)
      await rig.kill(host)
    }
    await rig.start()
    const heard = await rig.listen(`w/${run}/out`)
    for (let k = 0; k < 64; k++) await rig.publish(`w/${run}/in`, JSON.stringify({ k }))
    await until(() => heard.length === 64, '64 records', 20_000)
  })

  const OnNats = name === 'nats' ? Changes : Changes.skip
  OnNats(
    'waits for a broker that brings a session nothing, says so, and goes on once it was restarted',
    async () => {
      const own = await nats()
      const rig = rigOf({ url: own.url, retain: true })
      rig.unordered = true
      try {
        await rig.wire()
        const { name: flow } = rig.flow
        for (const clientId of [intakeSessionId(flow, 'in'), sessionId(flow, 'work', 0)]) {
          const taken: unknown[] = []
          const dead = await wireTransport(own.url).connect({
            clientId,
            clean: false,
            onMessage: message => taken.push(message),
            onClose() {},
          })
          await dead.subscribe([topics.wiring(flow, 'work')], 1)
          await until(() => taken.length === 1, 'what is never acknowledged')
          await dead.close()
        }
        await rig.start()
        const presences = await rig.listen(topics.hosts(flow))
        await rig.publish(`w/${run}/in`, '{"n":1}')
        const isSaid = (node: string) =>
          presences.some(
            ({ topic, payload }) =>
              topic.includes(`/${node}/`) && String(payload).includes('NATS: restart it'),
          )
        await until(() => isSaid('in') && isSaid('work'), 'trouble', 20_000)
        await own.kill()
        await own.restart()
        await rig.reconnect()
        const heard = await rig.listen(`w/${run}/out`)
        await until(() => heard.length > 0, 'the record')
        assert.is(String(heard[0]!.payload), '{"n":1}')
      } finally {
        await own.close()
      }
    },
  )

  Changes.run()
}
