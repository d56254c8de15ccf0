/**
 * Writes the part of GitHub's description of its API that tests hold requests and answers against:
 * `npm pack @octokit/openapi`, unpack it, then `node test/support/forge/extract.ts package/generated/api.github.com.json`.
 * The whole has 13 MB, and the package 400.
 */
import { readFile, writeFile } from 'node:fs/promises'

const operations = [
  'POST /repos/{owner}/{repo}/statuses/{sha}',
  'GET /repos/{owner}/{repo}/commits/{ref}/statuses',
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/labels',
  'GET /repos/{owner}/{repo}/installation',
  'POST /app/installations/{installation_id}/access_tokens',
]
/** Each is large, and nothing of it is read here. */
const left = new Set(['#/components/schemas/repository'])

type Json = null | string | number | boolean | Json[] | { [key: string]: Json }
type Fields = { [key: string]: Json }

const whole = JSON.parse(await readFile(process.argv[2]!, 'utf8')) as Fields
const schemas: Fields = {}

/** JSON Schema of what OpenAPI 3.0 says in words of its own; what it refers to goes into `schemas`. */
function schemaOf(part: Json): Json {
  if (Array.isArray(part)) return part.map(schemaOf)
  if (typeof part !== 'object' || part === null) return part
  if (typeof part.$ref === 'string') return left.has(part.$ref) ? {} : referTo(part.$ref)
  const { nullable, example: _, examples: __, description: ___, ...rest } = part
  const schema = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, schemaOf(value)]))
  return nullable === true ? { anyOf: [schema, { type: 'null' }] } : schema
}

function referTo(ref: string): Json {
  const name = ref.split('/').at(-1)!
  if (!(name in schemas)) {
    schemas[name] = true // it may refer to itself
    schemas[name] = schemaOf(resolve(ref))
  }
  return { $ref: `#/definitions/${name}` }
}

const resolve = (ref: string): Json =>
  ref
    .slice(2)
    .split('/')
    .reduce<Json>((at, key) => (at as Fields)[key]!, whole)

const resolved = (part: Json) =>
  (typeof (part as Fields).$ref === 'string' ? resolve((part as Fields).$ref as string) : part) as Fields
const bodyOf = (part: Json | undefined): Json | undefined =>
  ((resolved(part ?? {}).content as Fields | undefined)?.['application/json'] as Fields | undefined)?.schema

const kept = operations.map(operation => {
  const [method, path] = operation.split(' ') as [string, string]
  const {
    parameters = [],
    requestBody,
    responses,
  } = ((whole.paths as Fields)[path] as Fields)[method.toLowerCase()] as Fields
  const inQuery = (parameters as Json[]).map(resolved).filter(parameter => parameter.in === 'query')
  const request = bodyOf(requestBody)
  const answers = Object.entries(responses as Fields).map(([status, response]) => {
    const body = bodyOf(response)
    return [status, body === undefined ? true : schemaOf(body)]
  })
  return {
    method,
    path,
    query: Object.fromEntries(inQuery.map(({ name, schema }) => [name, schemaOf(schema!)])),
    ...(request !== undefined && { request: schemaOf(request) }),
    needsBody: resolved(requestBody ?? {}).required === true,
    answers: Object.fromEntries(answers),
  }
})
const source = `@octokit/openapi ${(whole.info as Fields).version}, MIT, Copyright (c) 2020 Octokit contributors (see LICENSE): parts of it, as JSON Schema`
await writeFile(
  new URL('github-api.json', import.meta.url),
  `${JSON.stringify({ source, operations: kept, definitions: schemas }, null, 1)}\n`,
)
