import { stripVTControlCharacters } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Narration } from '../cli/narration.ts'
import type { ControllerEvent } from '../controller/options.ts'
import { Controlled } from './support/controlled.ts'
import { makeRepository, type Repository } from './support/repository.ts'

const Waiting = suite<{ repository: Repository; controlled: Controlled }>('a dataflow that takes long')

const yaml = `apiVersion: dyninka.dev/v1
name: patient
sources:
  tick: { every: 1s }
functions:
  slow: { code: slow.ts, from: tick }
`
const code = `export default function f(value: object) { return value }
export async function setup() { await new Promise(resolve => setTimeout(resolve, 13_000)) }
`

Waiting.before(async world => {
  world.repository = await makeRepository()
  await world.repository.publish({ 'dataflow.yaml': yaml, 'slow.ts': code })
  world.controlled = await Controlled.over({ repo: world.repository.bare })
})
Waiting.after(async ({ controlled, repository }) => {
  await controlled?.remove()
  await repository.remove()
})

Waiting('is told of after a while, with what it waits for', async ({ controlled }) => {
  await controlled.ready(undefined, 60_000)
  const told = controlled.events.filter(
    (event): event is ControllerEvent & { type: 'waiting' } => event.type === 'waiting',
  )
  assert.ok(told.length > 0)
  for (const { ms } of told) assert.ok(ms >= 10_000)
  assert.match(
    stripVTControlCharacters(new Narration().tell(told[0]!)!),
    /^! patient is not ready after 1\d s: .*slow: starting/,
  )
})

Waiting.run()
