import { readFile, writeFile } from 'node:fs/promises'
import { load } from 'js-yaml'
import { compile, type JSONSchema } from 'json-schema-to-typescript'

const definition = new URL('../../charts/dyninka/files/dataflows.yaml', import.meta.url)

/** Writes the types of the custom resource: `node controller/cluster/generate.ts`. */
export async function generate(): Promise<Map<URL, string>> {
  const { spec } = load(await readFile(definition, 'utf8')) as Definition
  const { properties } = spec.versions[0]!.schema.openAPIV3Schema
  const root = { type: 'object', additionalProperties: false, required: ['spec', 'status'], properties }
  const text = await compile(plain(root) as JSONSchema, 'DataflowParts', {
    bannerComment:
      '// Made from charts/dyninka/files/dataflows.yaml by `node controller/cluster/generate.ts`: change that file.',
    additionalProperties: false,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 110 },
  })
  return new Map([[new URL('resource.generated.ts', import.meta.url), text]])
}

interface Definition {
  spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, unknown> } } }[] }
}

/** The schema with names for the parts that code speaks of, and without the object's own fields, which all kinds share. */
function plain(root: { properties: Record<string, unknown> }): unknown {
  const { spec, status } = structuredClone(root.properties) as Record<'spec' | 'status', Schema>
  spec!.title = 'DataflowSpec'
  status!.title = 'DataflowResourceStatus'
  status!.properties!.conditions!.items!.title = 'ResourceCondition'
  status!.properties!.functions!.items!.title = 'ResourceFunction'
  status!.properties!.history!.items!.title = 'ResourceHistory'
  return withoutRules({ ...root, properties: { spec, status } })
}

interface Schema {
  title?: string
  properties?: Record<string, Schema>
  items?: Schema
}

/** What the API server alone understands. */
function withoutRules(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(withoutRules)
  if (typeof part !== 'object' || part === null) return part
  const kept = Object.entries(part).filter(([key]) => !key.startsWith('x-kubernetes-'))
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutRules(inner)]))
}

if (import.meta.main) {
  for (const [file, text] of await generate()) await writeFile(file, text)
}
