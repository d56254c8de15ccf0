import { readFile, writeFile } from 'node:fs/promises'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { languageReference } from './language-reference.ts'

/** Writes what is made from the schema: `node schema/generate.ts`. */
export async function generate(): Promise<Map<URL, string>> {
  const schema = JSON.parse(await readFile(new URL('dataflow.schema.json', import.meta.url), 'utf8'))
  return new Map([
    [new URL('dataflow.generated.ts', import.meta.url), await types(schema)],
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
