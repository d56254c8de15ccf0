import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const Counts = suite('counts over a restart of the controller')

const yaml = `apiVersion: dyninka.dev/v1
name: counted
sources:
  tick: { every: 50ms }
functions:
  picky: { code: picky.ts, from: tick, retry: { attempts: 1 } }
`
const code = (value: number) => `export default function picky({ n }: { n: number }): number {
  if (n % 2 === 0) throw new Error('even')
  return ${value}
}
`

Counts('keep what hosts counted that are gone, and go with their dataflow', async () => {
  const repository = await makeRepository()
  const push = (value: number) => repository.publish({ 'dataflow.yaml': yaml, 'picky.ts': code(value) })
  const picky = async () => (await controlled.functions()).picky!
  await push(1)
  const controlled = await Controlled.over({ repo: repository.bare })
  const file = join(controlled.state, 'traffic/counted.json')
  try {
    await controlled.ready()
    await until('some were counted', async () => (await picky()).deadLetters >= 20)
    await controlled.ready(await push(2))
    await until('the first host is gone', () => controlled.processes().length === 2)
    await until('its counts are kept', () => existsSync(file))
    const { recordsIn, deadLetters } = await picky()
    await controlled.kill()
    await controlled.start()
    await controlled.ready()
    await until('they go on', async () => (await picky()).recordsIn > recordsIn)
    const after = await picky()
    assert.ok(after.deadLetters >= deadLetters, `${after.deadLetters} after ${deadLetters}`)
    assert.ok(after.recordsIn - after.deadLetters < recordsIn * 3, 'and nothing is counted twice')
    await repository.publish({ 'dataflow.yaml': null })
    await until('nothing runs', () => controlled.processes().length === 0)
    await until('its counts are gone', () => !existsSync(file))
  } finally {
    await controlled.remove()
    await repository.remove()
  }
})

Counts.run()
