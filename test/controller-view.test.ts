import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FlowView } from '../controller/broker/flow-view.ts'
import { topics } from '../schema/topics.ts'

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

View.run()
