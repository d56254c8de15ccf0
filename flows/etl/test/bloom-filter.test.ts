import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { BloomFilter } from '../lib/bloom-filter.ts'

const Bloom = suite('bloom filter')

const names = (prefix: string) => Array.from({ length: 1000 }, (_, i) => `${prefix}-${i}`)

Bloom('knows all its members', () => {
  const filter = new BloomFilter(names('device'))
  assert.ok(names('device').every(name => filter.has(name)))
})

Bloom('admits about as many strangers as it was told', () => {
  const filter = new BloomFilter(names('device'), 0.01)
  const admitted = names('stranger').filter(name => filter.has(name)).length
  assert.ok(admitted < 30, `${admitted} of 1000`)
})

Bloom('admits nobody when it has no members', () => {
  assert.not.ok(new BloomFilter([]).has('anyone'))
})

Bloom.run()
