import { readFile, writeFile } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import standalone from 'ajv/dist/standalone/index.js'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { languageReference } from './language-reference.ts'

/** Writes what is made from the schema: `node schema/generate.ts`. */
export async function generate(): Promise<Map<URL, string>> {
  const schema = JSON.parse(await readFile(new URL('dataflow.schema.json', import.meta.url), 'utf8'))
  return new Map([
    [new URL('dataflow.generated.ts', import.meta.url), await types(schema)],
    [new URL('validator.generated.js', import.meta.url), validator(schema)],
    [new URL('../docs/language.md', import.meta.url), languageReference(schema)],
  ])
}

const banner =
  '// Made from dataflow.schema.json by `node schema/generate.ts`: change that file, not this one.'

function types(schema: Schema): Promise<string> {
  const plain = structural(schema, schema.$defs) as JSONSchema
  return compile(plain, 'Dataflow', {
    bannerComment: banner,
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 110 },
  })
}

/** The check that ajv compiles, so that no start has to load ajv and compile it again. */
function validator(schema: Schema): string {
  const code = { source: true, esm: true }
  const ajv = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true, code })
  ajv.addVocabulary(['patternErrorMessage'])
  const text = standalone.default(ajv, ajv.compile(schema))
  // ajv writes `require` into ES modules as well: https://github.com/ajv-validator/ajv/issues/2209
  const imports: string[] = []
  const body = text.replace(/require\("(ajv\/dist\/runtime\/(\w+))"\)/g, (_, path, name) => {
    const line = `import ${name} from '${path}.js'`
    if (!imports.includes(line)) imports.push(line)
    return name
  })
  const ignore = ['lint', 'format', 'assist'].map(what => `// biome-ignore-all ${what}: generated`)
  return `${[banner, ...ignore, ...imports, body].join('\n')}\n`
}

interface Schema {
  $defs: Record<string, Record<string, unknown>>
}

const hidden = new Set(['oneOf', 'dependentRequired', 'propertyNames', 'examples', 'patternErrorMessage'])

/** The schema without what TypeScript can't say, and with named strings written out as strings. */
function structural(part: unknown, defs: Schema['$defs']): unknown {
  if (Array.isArray(part)) return part.map(item => structural(item, defs))
  if (typeof part !== 'object' || part === null) return part
  const { $ref, ...own } = part as Record<string, unknown>
  const target = typeof $ref === 'string' ? defs[$ref.replace('#/$defs/', '')] : undefined
  if (target && target.type !== 'object') {
    const { title: _, ...anonymous } = target
    return structural({ ...anonymous, ...own }, defs)
  }
  const kept = Object.entries(part).filter(([key]) => !hidden.has(key))
  return Object.fromEntries(kept.map(([key, inner]) => [key, structural(inner, defs)]))
}

if (import.meta.main) {
  for (const [file, text] of await generate()) await writeFile(file, text)
}
