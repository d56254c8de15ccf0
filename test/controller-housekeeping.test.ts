import { existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { pruneFiles } from '../controller/orchestrator/local/prune-files.ts'
import { temporaryFolder } from './support/cli.ts'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const Housekeeping = suite('what grows old on disk')

const yaml = `apiVersion: dyninka.dev/v1
name: kept
sources:
  tick: { every: 100ms }
functions:
  count: { code: count.ts, from: tick }
`

Housekeeping('goes after a good pass; what is in use or in the history stays', async () => {
  const repository = await makeRepository()
  const push = (value: number) =>
    repository.publish({ 'dataflow.yaml': yaml, 'count.ts': `export default () => ${value}\n` })
  const first = await push(1)
  const controlled = await Controlled.over({ repo: repository.bare })
  try {
    await controlled.ready(first)
    await controlled.ready(await push(2))
    const artifacts = join(controlled.state, 'store/sha256')
    await until('the first generation is gone', () => controlled.processes().length === 2)
    await controlled.kill()
    const wanted = readdirSync(artifacts)
    assert.is(wanted.length, 3, 'two revisions of one function, and the host')
    const gone = ['store/sha256/old', 'store/deps/old', 'store/memory/old.json', 'logs/gone/a/a-1-0.log']
    gone.push('compile-cache/v24/old')
    for (const path of gone.map(path => join(controlled.state, path))) {
      mkdirSync(dirname(path), { recursive: true })
      writeFileSync(path, '')
      utimesSync(path, 1, 1)
    }
    for (const name of wanted) utimesSync(join(artifacts, name), 1, 1)
    const logs = readdirSync(join(controlled.state, 'logs/kept/count')).map(name =>
      join(controlled.state, 'logs/kept/count', name),
    )
    logs.push(join(controlled.state, 'logs/broker.log'))
    for (const path of logs) utimesSync(path, 1, 1)
    await controlled.start()
    await until(
      'what is old is gone',
      () => gone.every(path => !existsSync(join(controlled.state, path))),
      () => gone.filter(path => existsSync(join(controlled.state, path))).join(),
    )
    assert.equal(readdirSync(artifacts), wanted)
    assert.not(existsSync(join(controlled.state, 'logs/gone')))
    assert.ok(existsSync(join(controlled.state, 'logs/broker.log')), 'the broker holds it open')
    const { count } = await controlled.functions()
    assert.ok(logs.some(path => path.includes(`count-${count!.hosts[0]!.generation}-`) && existsSync(path)))
  } finally {
    await controlled.remove()
    await repository.remove()
  }
})

Housekeeping('bounds a folder by size, oldest first', async () => {
  const folder = await temporaryFolder()
  for (const [index, name] of ['a', 'b', 'c', 'kept'].entries()) {
    writeFileSync(join(folder, name), 'x'.repeat(100))
    const at = Date.now() / 1000 - 100 + index
    utimesSync(join(folder, name), at, at)
  }
  await pruneFiles(folder, { olderThanMs: 1e6, maxBytes: 250, keep: new Set([join(folder, 'kept')]) })
  assert.equal(readdirSync(folder), ['b', 'c', 'kept'])
})

Housekeeping.run()
