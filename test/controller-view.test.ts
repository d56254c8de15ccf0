import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BrokerClient } from '../controller/broker/broker-client.ts'
import { FlowView } from '../controller/broker/flow-view.ts'
import { topics } from '../schema/topics.ts'
import { aedes } from './support/brokers.ts'
import { until } from './support/rig.ts'

const View = suite('what the controller sees in the broker')

const wiring = (revision: number) => Buffer.from(JSON.stringify({ v: 1, revision }))
const topicOf = (node: string) => topics.wiring('f', node)

const open = (wired: string[]) => {
  const view = new FlowView('f', () => {})
  view.expect(wired)
  view.synchronise(async () => {})
  let complete = false
  void view.synchronised.then(() => {
    complete = true
  })
  return { view, isComplete: () => complete }
}

View(
  'is complete only with every wiring that was published, however slowly the broker brings it',
  async () => {
    const { view, isComplete } = open(['a', 'b'])
    await sleep(10)
    view.take(topicOf('a'), wiring(4), true)
    await sleep(400)
    assert.not(isComplete())
    view.take(topicOf('b'), wiring(7), true)
    await sleep(150)
    assert.ok(isComplete())
    assert.equal(
      [...view.wirings].map(([node, { revision }]) => [node, revision]),
      [
        ['a', 4],
        ['b', 7],
      ],
    )
  },
)

View('gives a broker up that has lost a wiring', async () => {
  const { view, isComplete } = open(['a', 'b'])
  await sleep(10)
  view.take(topicOf('a'), wiring(4), true)
  await sleep(2_300)
  assert.ok(isComplete())
  assert.is(view.wirings.size, 1)
})

View('takes nothing retained for newer than what was published since', async () => {
  const { view } = open([])
  await view.synchronised
  view.take(topicOf('a'), wiring(1))
  view.take(topicOf('a'), wiring(4), true)
  assert.is(view.wirings.get('a')!.revision, 1)
})

View('takes in what is found later, and only that, when it looks again', async () => {
  let changes = 0
  const view = new FlowView('f', () => {
    changes += 1
  })
  view.synchronise(async () => {})
  view.take(topicOf('a'), wiring(1), true)
  view.take(topicOf('b'), wiring(1), true)
  await view.synchronised
  const before = changes
  view.take(topicOf('a'), wiring(2), true)
  view.take(topicOf('b'), wiring(1), true)
  assert.is(changes, before + 1)
  assert.is(view.wirings.get('a')!.revision, 2)
  const host = topics.host('f', 'a', 'a-1')
  const presence = Buffer.from(JSON.stringify({ v: 1, host: 'a-1' }))
  view.take(host, presence, true)
  const heard = view.heard.get('a-1')
  await sleep(5)
  view.take(host, presence, true) // no sign of life
  assert.is(view.heard.get('a-1'), heard)
  assert.is(changes, before + 2)
})

View('finds what it was not told of', async () => {
  const broker = await aedes()
  const client = await BrokerClient.connect(broker.url, { onChange() {}, onConnection() {} })
  for (const node of ['a', 'b']) await client.publish(topicOf(node), wiring(1), true)
  const view = await client.watch('f')
  assert.is(view.wirings.size, 2)
  view.wirings.delete('a') // NATS may leave one out that is published while a subscription begins
  await until(() => view.wirings.size === 2, 'the wiring')
  await client.close()
  await broker.close()
})

// The plan of the next pass gave the same revision to another wiring while the first was on its way back: hosts kept to
// the first, and one of two consumers that came ready at once got no record. Seen once in 37 starts.
View('knows what it has published before the broker brings it back', async () => {
  const { view } = open([])
  await view.synchronised
  const revision = () => view.wirings.get('a')!.revision
  const publish = (revision: number) =>
    view.publish('a', JSON.parse(wiring(revision).toString()), async () => {})
  await publish(2)
  await publish(3)
  assert.is(revision(), 3)
  view.take(topicOf('a'), wiring(2))
  assert.is(revision(), 3)
  view.take(topicOf('a'), wiring(3))
  assert.is(revision(), 3)
  view.take(topicOf('a'), wiring(1)) // a foreign client's, and later than ours
  assert.is(revision(), 1)
})

View('knows nothing of what the broker did not take over', async () => {
  const { view } = open([])
  await view.synchronised
  const refused = await view
    .publish('a', JSON.parse(wiring(2).toString()), () => Promise.reject(new Error('gone')))
    .catch((error: Error) => error.message)
  assert.is(refused, 'gone')
  assert.is(view.wirings.size, 0)
  view.take(topicOf('a'), wiring(1))
  assert.is(view.wirings.get('a')!.revision, 1)
})

View.run()
