import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import type { Numbering } from '../runtime/numbering.ts'
import { Settling, type Unsettled } from '../runtime/settling.ts'

const Settle = suite('what a source says to be done')

/** Two that came: how each ended, and the names of those that were said to be done, in order. */
function world(identifies: boolean, results: Unsettled['result'][]) {
  const saves: (() => void)[] = []
  const said: string[] = []
  const numbering = { finished() {}, save: () => new Promise<void>(resolve => saves.push(resolve)) }
  const settling = new Settling({
    numbering: () => numbering as unknown as Numbering,
    identifies: () => identifies,
    onEffect() {},
  })
  const all = results.map((result, i): Unsettled => {
    const arrived = { done: () => said.push(`${result} ${i + 1}`) }
    return { arrived, result, outputs: 1, all: 1 }
  })
  for (const one of all) settling.add(one)
  const taken = (n: number) => {
    all[n - 1]!.outputs = 0
    settling.run()
  }
  const stored = async () => {
    saves.shift()!()
    await new Promise(resolve => setImmediate(resolve))
  }
  return { settling, said, taken, stored, all }
}

Settle('at once where nothing is to be stored, in the order of arrival', () => {
  const { said, taken, settling } = world(false, ['sent', 'sent'])
  taken(2)
  assert.equal(said, [])
  taken(1)
  assert.equal(said, ['sent 1', 'sent 2'])
  assert.ok(settling.isEmpty)
})

Settle('once the numbering is stored, where that says what identifies records', async () => {
  const { said, taken, stored, settling } = world(true, ['sent'])
  taken(1)
  assert.equal(said, [])
  assert.not.ok(settling.isEmpty)
  await stored()
  assert.equal(said, ['sent 1'])
  assert.ok(settling.isEmpty)
})

Settle('of what came behind a record that was refused, not before that', async () => {
  const { said, taken, stored } = world(false, ['rejected', 'sent'])
  taken(1)
  taken(2)
  assert.equal(said, [])
  await stored()
  await stored()
  assert.equal(said, ['rejected 1', 'sent 2'])
})

Settle(
  'of what is behind a record that has not left, and never will, but not of one of which a part has',
  () => {
    const { said, taken, settling, all } = world(false, ['sent', 'sent', 'sent'])
    Object.assign(all[2]!, { outputs: 2, all: 2 })
    taken(2)
    const left = settling.withdraw(
      new Map([
        [all[0]!, 1],
        [all[2]!, 1],
      ]),
    )
    assert.equal(left, [all[0]])
    settling.run()
    assert.equal(said, ['sent 2'])
    assert.not.ok(settling.isEmpty)
  },
)

Settle.run()
