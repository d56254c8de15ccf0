import { readFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { generate } from '../schema/generate.ts'
import { parseYaml } from '../schema/parse-yaml.ts'
import { type Described, described, schema } from '../schema/schema.ts'
import { checkShape } from '../schema/shape.ts'
import { SourceText } from '../schema/source-text.ts'

const Language = suite('schema: language')

interface Field extends Described {
  type?: string | string[]
  items?: Field
  additionalProperties?: Field | boolean
  propertyNames?: Field
  default?: unknown
}

/** Every field that can be written, by its path in the schema. */
function* fields(part: Field, path: string): Iterable<[path: string, field: Field]> {
  for (const [name, field] of Object.entries(part.properties ?? {})) {
    yield [`${path}.${name}`, field]
    yield* fields(field, `${path}.${name}`)
  }
  for (const key of ['items', 'additionalProperties', 'propertyNames'] as const) {
    const inner = part[key]
    if (typeof inner !== 'object') continue
    yield [`${path}.${key}`, inner]
    yield* fields(inner, `${path}.${key}`)
  }
}

const all = [
  ...fields(schema, ''),
  ...Object.entries(schema.$defs!).flatMap(([name, def]) => [[name, def] as const, ...fields(def, name)]),
]

const compiler = () => {
  const ajv = new Ajv2020({ allowUnionTypes: true, strict: true, strictRequired: false })
  ajv.addVocabulary(['patternErrorMessage'])
  return ajv
}

Language('is described by a valid schema of draft 2020-12', () => {
  const ajv = compiler()
  assert.ok(ajv.validateSchema(schema), ajv.errorsText())
  ajv.compile(schema)
})

Language('teaches each field: a description and an example', () => {
  assert.ok(all.length > 60)
  for (const [path, field] of all) {
    const { description, examples } = described(field)
    assert.ok(description, `${path} has no description`)
    assert.ok(examples?.length, `${path} has no example`)
  }
})

/** Exactly one of these is written: that none is has no meaning. */
const kinds = ['mqtt', 'every', 'http', 'log', 'file']

/** Every field that may be left out. */
function* optional(part: Field & { required?: string[] }, path: string): Iterable<[string, Field]> {
  for (const [name, field] of Object.entries(part.properties ?? {})) {
    const isKind = /^(source|sink)$/.test(path) && kinds.includes(name)
    if (!isKind && !part.required?.includes(name)) yield [`${path}.${name}`, field]
    yield* optional(field, `${path}.${name}`)
  }
}

Language('says of each field that may be left out what holds then', () => {
  const parts = Object.entries(schema.$defs!).flatMap(([name, def]) => [...optional(def, name)])
  assert.ok(parts.length > 20)
  for (const [path, field] of parts) {
    const { default: fallback, description } = described(field) as Field
    assert.ok(
      fallback !== undefined || /Absent|if it is not the one that carries/.test(description!),
      `${path} has no default`,
    )
  }
})

Language('says what to write at every pattern', () => {
  for (const [path, field] of all) {
    if (field.pattern !== undefined) assert.ok(field.patternErrorMessage, `${path} has no message`)
  }
})

Language('gives examples and defaults that are valid themselves', () => {
  const ajv = compiler()
  ajv.addSchema(schema, 'dataflow')
  for (const [path, field] of all) {
    const { $defs } = schema
    const valid = ajv.compile({ $defs, ...field })
    const { examples = [], default: fallback } = described(field) as Field
    for (const value of fallback === undefined ? examples : [...examples, fallback]) {
      assert.ok(valid(value), `${path}: ${JSON.stringify(value)} ${ajv.errorsText(valid.errors)}`)
    }
  }
})

Language('has no generated file that is stale: `node schema/generate.ts` mends it', async () => {
  for (const [file, text] of await generate()) {
    assert.ok(
      text === (await readFile(file, 'utf8')),
      `${file.pathname.split('/').slice(-2).join('/')} is stale`,
    )
  }
})

Language('has a reference whose examples are right', async () => {
  const text = await readFile(new URL('../docs/language.md', import.meta.url), 'utf8')
  const [smallest] = [...text.matchAll(/```yaml\n(.*?)```/gs)].map(match => match[1]!)
  const { document } = parseYaml(new SourceText('docs/language.md', smallest!))
  assert.equal(checkShape(document!).findings, [])
})

Language('takes every sample of the reference', async () => {
  const text = await readFile(new URL('../docs/language.md', import.meta.url), 'utf8')
  const samples = [...text.matchAll(/```yaml\n((?:sources|functions|sinks):.*?)```/gs)].map(
    match => match[1]!,
  )
  assert.is(samples.length, 3)
  const whole = `apiVersion: dyninka.dev/v1\nname: x\n${samples.join('')}`
  const { document } = parseYaml(new SourceText('docs/language.md', whole))
  assert.equal(checkShape(document!).findings, [])
})

Language.run()
