import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { shardOf } from '../runtime/key.ts'
import { type Place, stateFilter, stateFilters, stateKey, stateTopic } from '../runtime/place.ts'
import { matches } from '../runtime/topic-filter.ts'
import { type Cut, partitionName, partitionNames } from '../schema/topics.ts'

const Places = suite('places of partitions')

const counts = [1, 2, 4, 8, 16, 32, 64, 128, 256]
const keys = [...Array.from({ length: 300 }, (_, n) => `room-${n}`), '', '%', 'a/b', '+', '#', 'ä', ' ']
const at = (partition: number, cut: Cut): Place => ({
  flow: 'f',
  node: 'n',
  partition,
  cut,
  name: partitionName(partition, cut),
})

Places('have a name of their own in every cut', () => {
  const names = counts.flatMap(partitions => [
    ...partitionNames({ partitions, key: 'room' }),
    ...(partitions > 1 ? partitionNames({ partitions }) : []),
  ])
  assert.is(new Set(names).size, names.length)
})

Places('give a key the same topic of state, whatever the number of partitions is', () => {
  for (const key of keys) {
    const topics = counts.map(partitions =>
      stateTopic(at(shardOf(key, partitions), { partitions, key: 'room' }), key),
    )
    assert.is(new Set(topics).size, 1, key)
    assert.is(stateKey(topics[0]!), key)
  }
})

Places('find under their filter the state of their own keys, and of no others', () => {
  for (const partitions of [1, 2, 8, 256]) {
    const cut = { partitions, key: 'room' }
    for (const key of keys.slice(-20)) {
      const topic = stateTopic(at(0, cut), key)
      for (let partition = 0; partition < partitions; partition++)
        assert.is(
          matches(stateFilter(at(partition, cut)), topic),
          partition === shardOf(key, partitions),
          `${key} in ${partition} of ${partitions}`,
        )
    }
  }
})

Places('cut many keys of a partition into parts, each key in one of them', () => {
  for (const [partitions, count, parts] of [
    [1, 300, 1],
    [1, 2_000, 4],
    [8, 3_000, 8],
    [8, 1e6, 32],
    [256, 1e6, 1],
  ] as const) {
    const cut = { partitions, key: 'room' }
    for (const key of keys) {
      const filters = stateFilters(at(shardOf(key, partitions), cut), count)
      assert.is(new Set(filters).size, parts)
      const topic = stateTopic(at(0, cut), key)
      assert.is(filters.filter(filter => matches(filter, topic)).length, 1, key)
    }
  }
  assert.equal(stateFilters(at(1, { partitions: 4 }), 1e6), [stateFilter(at(1, { partitions: 4 }))])
})

Places('keep state of one key apart where no key says which partition a record goes to', () => {
  const cut = { partitions: 4 }
  const topics = [0, 1, 2, 3].map(partition => stateTopic(at(partition, cut), ''))
  assert.is(new Set(topics).size, 4)
  for (let partition = 0; partition < 4; partition++)
    assert.equal(
      topics.map(topic => matches(stateFilter(at(partition, cut)), topic)),
      topics.map((_, n) => n === partition),
    )
})

Places.run()
