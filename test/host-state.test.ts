import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Progress } from '../runtime/cursor.ts'
import { shardOf } from '../runtime/key.ts'
import { stateKey } from '../runtime/place.ts'
import { following, type Snapshot, State } from '../runtime/state.ts'
import type { StateDocument } from '../runtime/state-document.ts'
import type { Connection } from '../runtime/transport.ts'

interface World {
  documents: Map<string, string>
  connection: Connection
}

const place = { flow: 'flow', node: 'node', partition: 0, cut: { partitions: 1 }, name: '0' }
const Stored = suite<World>('keyed state')

Stored.before.each(context => {
  context.documents = new Map()
  const publish = async (topic: string, payload: string) => {
    if (payload === '') context.documents.delete(topic)
    else context.documents.set(topic, payload)
  }
  context.connection = { publish } as unknown as Connection
})

const cursorAt = (lanes: Record<string, string>) =>
  new Progress(Object.fromEntries(Object.entries(lanes).map(([lane, seq]) => [lane, { '': seq }])))

const only = (snapshot: Snapshot | undefined) => new Map([[snapshot!.key, snapshot!]])

/** What a successor holds. @returns also how many keys it counts */
const to = (value: unknown) => ({ state: { value } })

function restored({ documents }: World, cursor: Progress) {
  const state = new State(place)
  let counted = 0
  for (const [topic, payload] of documents)
    if (state.restore(stateKey(topic), JSON.parse(payload) as StateDocument, cursor)) counted += 1
  return { state, counted }
}

Stored('says what it includes until the cursor says it, over any number of deaths', async world => {
  const first = new State(place)
  const one = first.write('x', to('a1'), 'a', '1')!
  const both = following(one, first.write('x', to('a1 a3'), 'a', '3')!)
  await first.store(only(both), cursorAt({}), world.connection)
  assert.is(restored(world, cursorAt({})).state.included('x', 'a'), '3')
  assert.is(restored(world, cursorAt({})).counted, 0)
  const { state, counted } = restored(world, cursorAt({ a: '1' })) // the second owner finished record 1 alone
  assert.is(state.included('x', 'a'), '3')
  assert.is(counted, 1)
  assert.is(state.size(cursorAt({ a: '1' })), 1)
})

Stored('includes a record that left the value as it was', async world => {
  const state = new State(place)
  state.write('x', to(1), 'a', '1')
  state.settle(cursorAt({ a: '1' }))
  assert.is(state.write('x', to(1), 'a', '2'), undefined)
  await state.store(only(state.write('x', to(2), 'b', '1')), cursorAt({ a: '1' }), world.connection)
  assert.is(restored(world, cursorAt({ a: '1' })).state.included('x', 'a'), '2')
})

Stored('includes what changed the value while it was stored, when it is the same again', async world => {
  const state = new State(place)
  const one = only(state.write('x', to(1), 'a', '1'))
  state.write('x', to(2), 'a', '2')
  state.write('x', to(1), 'a', '3')
  await state.store(one, cursorAt({}), world.connection)
  state.settle(cursorAt({ a: '1' }))
  await state.store(only(state.write('x', to(3), 'b', '1')), cursorAt({ a: '1' }), world.connection)
  assert.is(restored(world, cursorAt({ a: '1' })).state.included('x', 'a'), '3')
})

Stored('survives a key that is deleted, made and deleted while its deletion is stored', async world => {
  const state = new State(place)
  await state.store(only(state.write('x', to(1), 'a', '1')), cursorAt({}), world.connection)
  state.settle(cursorAt({ a: '1' }))
  await state.store(only(state.write('x', to(undefined), 'a', '2')), cursorAt({ a: '1' }), world.connection)
  state.write('x', to(5), 'a', '3')
  const again = only(state.write('x', to(undefined), 'a', '4'))
  state.settle(cursorAt({ a: '2' }))
  await state.clear(cursorAt({ a: '2' }), world.connection)
  assert.is(world.documents.size, 0)
  await state.store(again, cursorAt({ a: '2' }), world.connection)
  assert.is(state.size(cursorAt({ a: '4' })), 0)
  state.settle(cursorAt({ a: '4' }))
  await state.clear(cursorAt({ a: '4' }), world.connection)
  assert.is(world.documents.size, 0)
})

Stored('keeps a deleted key until the cursor says all that its deletion includes', async world => {
  const first = new State(place)
  await first.store(only(first.write('x', to(1), 'a', '1')), cursorAt({}), world.connection)
  first.settle(cursorAt({ a: '1' }))
  first.write('x', to(2), 'a', '2')
  await first.store(only(first.write('x', to(undefined), 'a', '3')), cursorAt({ a: '1' }), world.connection)
  const second = restored(world, cursorAt({ a: '1' }))
  assert.is(second.counted, 1)
  second.state.settle(cursorAt({ a: '2' }))
  await second.state.clear(cursorAt({ a: '2' }), world.connection)
  const third = restored(world, cursorAt({ a: '2' }))
  assert.is(third.state.included('x', 'a'), '3')
  assert.is(third.counted, second.state.size(cursorAt({ a: '2' })))
  third.state.settle(cursorAt({ a: '3' }))
  await third.state.clear(cursorAt({ a: '3' }), world.connection)
  assert.is(world.documents.size, 0)
})

Stored('tells how many of its keys each of so many partitions has', async world => {
  const state = new State(place)
  for (let n = 1; n <= 50; n++) {
    const snapshot = state.write(`k${n}`, to(n), 'a', String(n))
    await state.store(only(snapshot), cursorAt({ a: String(n - 1) }), world.connection)
  }
  const finished = cursorAt({ a: '49' })
  assert.is(state.size(finished), 49)
  for (const partitions of [1, 4, 256]) {
    const expected = Array.from({ length: partitions }, () => 0)
    for (let n = 1; n <= 49; n++) expected[shardOf(`k${n}`, partitions)]! += 1
    assert.equal(state.sizes(partitions, finished), expected)
    assert.equal(restored(world, finished).state.sizes(partitions, finished), expected)
  }
  const deleted = state.write('k1', to(undefined), 'a', '51')
  await state.store(only(deleted), cursorAt({ a: '50' }), world.connection)
  await state.clear(cursorAt({ a: '51' }), world.connection)
  assert.equal(state.sizes(1, cursorAt({ a: '51' })), [49])
})

Stored.run()
