import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Acks } from '../runtime/acks.ts'
import { pubackPackets } from '../runtime/packets.ts'

const Waiting = suite('acknowledgments that wait')

function waiting(mayWait = true) {
  let due = 0
  const acks = new Acks(
    () => mayWait,
    () => {
      due += 1
    },
  )
  const arrive = (messages: number) => {
    for (let i = 0; i < messages; i++) acks.arrived()
  }
  return { acks, arrive, due: () => due }
}

Waiting('leave one by one, the oldest first', () => {
  const { acks, arrive, due } = waiting()
  arrive(3)
  for (const messageId of [7, 300, 8]) acks.add(messageId)
  for (const messageId of [7, 300, 8]) assert.equal(acks.takeOne(), pubackPackets([messageId]))
  assert.is(acks.takeOne(), undefined)
  assert.is(acks.take(), undefined)
  assert.is(due(), 0)
})

Waiting('leave together once ten messages are open, by another that comes or by themselves', () => {
  const { acks, arrive, due } = waiting()
  arrive(9)
  acks.add(1)
  acks.add(2)
  assert.is(due(), 0)
  arrive(1)
  assert.is(due(), 1)
  assert.equal(acks.take(), pubackPackets([1, 2]))
  arrive(2)
  acks.add(3)
  assert.is(due(), 2)
  assert.equal(acks.take(), pubackPackets([3]))
  acks.add(4)
  assert.is(acks.take(), undefined)
})

Waiting('leave together after a while', async () => {
  const { acks, arrive, due } = waiting()
  arrive(2)
  acks.add(1)
  acks.add(2)
  await sleep(50)
  assert.is(due(), 1)
  assert.equal(acks.take(), pubackPackets([1, 2]))
})

Waiting('leave at once where nothing else would', () => {
  const { acks, arrive, due } = waiting(false)
  arrive(2)
  acks.add(1)
  acks.add(2)
  assert.is(due(), 1)
  assert.equal(acks.take(), pubackPackets([1, 2]))
})

Waiting('leave at the end', () => {
  const { acks, arrive } = waiting()
  arrive(2)
  acks.add(1)
  acks.add(2)
  acks.close()
  assert.equal(acks.take(), pubackPackets([1, 2]))
})

Waiting.run()
