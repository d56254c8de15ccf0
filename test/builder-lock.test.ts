import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Lock, prune } from '../builder/lock.ts'

const Locks = suite('builder: lock file')

const packages: Lock['packages'] = {
  'node_modules/a': { version: '1.0.0', dependencies: { b: '^1.0.0' }, peerDependencies: { peer: '*' } },
  'node_modules/a/node_modules/b': { version: '1.0.0', dependencies: { c: '*' } },
  'node_modules/b': { version: '2.0.0' },
  'node_modules/c': { version: '1.0.0', dependencies: { a: '*' } },
  'node_modules/peer': { version: '1.0.0' },
  'node_modules/dyninka': { version: '0.1.0', dependencies: { esbuild: '*' } },
  'node_modules/esbuild': { version: '1.0.0' },
  'node_modules/uvu': { version: '1.0.0', dev: true },
}
const paths = (pruned: ReturnType<typeof prune>) => Object.keys(pruned?.lock.packages ?? {})

Locks('keeps what functions can reach, as Node would find it', () => {
  const manifest = { dependencies: { a: '^1.0.0', dyninka: '*' }, devDependencies: { uvu: '*' } }
  const pruned = prune(manifest, { lockfileVersion: 3, packages })
  assert.equal(paths(pruned), [
    '',
    'node_modules/a',
    'node_modules/a/node_modules/b',
    'node_modules/c',
    'node_modules/peer',
  ])
  assert.equal(pruned?.manifest, { dependencies: { a: '^1.0.0' } })
})

Locks('takes optional dependencies along', () => {
  const manifest = { optionalDependencies: { b: '*' } }
  assert.equal(paths(prune(manifest, { lockfileVersion: 3, packages })), ['', 'node_modules/b'])
})

Locks('comes out the same whatever happens to packages that functions do not need', () => {
  const manifest = { dependencies: { b: '*' } }
  const before = prune(manifest, { lockfileVersion: 3, packages })
  const uvu = { 'node_modules/uvu': { version: '2.0.0', dev: true } }
  const after = prune({ ...manifest, devDependencies: { uvu: '2' } } as object, {
    lockfileVersion: 3,
    packages: { ...packages, ...uvu },
  })
  assert.equal(after, before)
})

Locks('has nothing to install for `dyninka` alone', () => {
  assert.is(prune({ dependencies: { dyninka: '*' } }, { lockfileVersion: 3, packages }), undefined)
  assert.is(prune({}, { lockfileVersion: 3 }), undefined)
})

Locks.run()
