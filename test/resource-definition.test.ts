import { readFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { pino } from 'pino'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { Definition, lackingIn, type Schema, withoutDefinition } from '../controller/cluster/definition.ts'
import { answered } from '../controller/kubernetes/api-problem.ts'
import { until } from './support/controlled.ts'

const Outdated = suite('definition of the resource')

const file = new URL('../charts/dyninka/files/dataflows.yaml', import.meta.url)
const own: Schema = (load(await readFile(file, 'utf8')) as Made).spec.versions[0]!.schema.openAPIV3Schema
interface Made {
  spec: { versions: { schema: { openAPIV3Schema: Schema } }[] }
}

/** As an earlier version may have had it. */
function earlier(): Schema {
  const schema = structuredClone(own)
  const { spec, status } = schema.properties!
  delete spec!.properties!.registry
  delete spec!.properties!.source!.properties!.verify
  delete status!.properties!.history!.items!.properties!.applied
  status!.properties!.functions!.items!.properties!.phase!.enum = ['Running', 'Failed']
  return schema
}

Outdated('lacks nothing when it is the one of this version, or a later one', () => {
  assert.equal(lackingIn(own, own), [])
  const later = structuredClone(own)
  later.properties!.spec!.properties!.colour = {}
  later.properties!.status!.properties!.functions!.items!.properties!.phase!.enum!.push('Sleeping')
  assert.equal(lackingIn(later, own), [])
  assert.equal(lackingIn({ 'x-kubernetes-preserve-unknown-fields': true }, own), [])
})

Outdated('lacks fields and values that an earlier one has not', () => {
  assert.equal(lackingIn(earlier(), own), [
    'spec.source.verify',
    'spec.registry',
    'status.functions[].phase: Waiting',
    'status.functions[].phase: Building',
    'status.functions[].phase: Starting',
    'status.functions[].phase: Idle',
    'status.functions[].phase: Stopping',
    'status.history[].applied',
  ])
})

/** What an API server publishes of a definition. */
const published = (schema: Schema) => ({ components: { schemas: { 'dev.dyninka.v1.Dataflow': schema } } })

/** A look at what an API server answers, again and again. */
function looking(answer: () => unknown) {
  const stopping = new AbortController()
  const changes: (string | undefined)[] = []
  const looked = { answer, times: 0 }
  const definition: Definition = new Definition({
    client: {
      async raw<T>() {
        looked.times += 1
        return looked.answer() as T
      },
    },
    log: pino({ level: 'silent' }),
    signal: stopping.signal,
    againMs: 5,
    onChange: () => changes.push(definition.trouble?.reason),
  })
  const end = () => {
    stopping.abort()
    return definition.settled()
  }
  return { definition, changes, looked, end }
}

Outdated('is told of with what to do, and no more once it is right', async () => {
  const { definition, changes, looked, end } = looking(() => published(earlier()))
  await until('it is told', () => changes.length === 1)
  const { reason, message, hint } = definition.trouble!
  assert.is(reason, 'DefinitionOutdated')
  assert.match(message, /older than this controller, and lacks spec.source.verify, .* and 3 more$/)
  assert.match(hint!, /helm upgrade.*dyninka install/)

  // What can't be read says nothing.
  looked.answer = () => {
    throw answered('read the definition of Dataflow', 403, '{}')
  }
  const { times } = looked
  await until('it was refused', () => looked.times > times + 2)
  assert.is(changes.length, 1)

  looked.answer = () => published(own)
  await until('it is right', () => changes.length === 2)
  assert.is(definition.trouble, undefined)
  await end()
})

Outdated('is not told of where the API server is about to publish the new one', async () => {
  const answers = [earlier(), own]
  const { changes, looked, end } = looking(() => published(answers.shift() ?? own))
  await until('it has looked again', () => looked.times === 2)
  await end()
  assert.equal(changes, [])
})

Outdated('that is not there is told of with what to do', () => {
  const missing = withoutDefinition(answered('list dataflows', 404, '404 page not found'))
  assert.is(missing.reason, 'DefinitionMissing')
  assert.match(missing.message, /has no definition of Dataflow/)
  assert.match(missing.hint!, /helm upgrade.*dyninka install/)
  const denied = answered('list dataflows', 403, '{}')
  assert.is(withoutDefinition(denied), denied)
})

Outdated.run()
