import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Finding, load } from '../schema/index.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'

const Types = suite('schema: types')

/** Loads functions, given as [from, code], and gives what is said of each edge, by the consumer's name. */
async function check(
  functions: Record<string, [from: string, code: string]>,
  files: Record<string, string> = {},
  sinks = '',
) {
  const entries = Object.entries(functions)
  const lines = entries.map(([name, [from]]) => `  ${name}: { code: ${name}.ts, from: ${from} }`)
  const text = around(
    `sources: { in: { mqtt: a }, tick: { every: 1s } }\nfunctions:\n${lines.join('\n')}\n${sinks}`,
  )
  const code = Object.fromEntries(entries.map(([name, [, source]]) => [`${name}.ts`, source]))
  const { dir, remove } = await makeFolder({ 'dataflow.yaml': text, ...code, ...files })
  const { findings, flow } = await load(dir)
  await remove()
  const rows = text.split('\n')
  const consumer = ({ file, line }: Finding) =>
    file === 'dataflow.yaml' ? /^ *([a-z0-9-]+):/.exec(rows[line - 1]!)![1]! : file
  return { findings, flow, said: findings.map(finding => `${consumer(finding)}: ${finding.message}`), rows }
}

const reading = 'interface Reading { room: string; celsius: number }\n'
const average = `${reading}export default function average(reading: Reading) { return reading }`

Types('finds a producer whose output its consumer can’t take, and says which field', async () => {
  const { said } = await check({
    parse: ['in', 'export default (x: unknown): { room: string } | undefined => ({ room: String(x) })'],
    average: ['parse', average],
    words: ['in', 'export default async (x: unknown) => [{ room: "a", celsius: "warm" }, undefined]'],
    coldest: ['words', average],
    many: ['parse', 'export default (x: { room: string; a: 1; b: 2; c: 3; d: 4; e: 5; f: 6 }) => x'],
    deep: ['in', 'export default (x: any) => ({ at: { place: { floor: "2" } } })'],
    lift: ['deep', 'export default (x: { at: { place: { floor: number } } }) => x'],
    clock: ['[parse, tick]', 'export default (x: { n: number; room?: string }) => x'],
  })
  assert.equal(said, [
    'average: `parse` gives { room: string }, but `average` takes { room: string; celsius: number }: celsius is missing.',
    'coldest: `words` gives { room: string; celsius: string }, but `coldest` takes { room: string; celsius: number }: celsius is string, not number.',
    'many: `parse` gives { room: string }, but `many` takes { room: string; a: 1; b: 2; c: 3; d: 4; e: 5; f: 6 }: a, b, c, d and 2 more are missing.',
    'lift: `deep` gives { at: { place: { floor: string } } }, but `lift` takes { at: { place: { floor: number } } }: at.place.floor is string, not number.',
    'clock: `parse` gives { room: string }, but `clock` takes { n: number; room?: string | undefined }: n is missing.',
  ])
})

Types('points at the input, in a list as well', async () => {
  const { findings, rows } = await check({
    parse: ['in', 'export default (x: unknown) => ({ room: String(x) })'],
    clock: ['[tick, parse]', 'export default (x: { n: number }) => x'],
  })
  const [{ line, column, hint }] = findings as [Finding]
  assert.is(rows[line - 1]!.slice(column - 1), 'parse] }')
  assert.is(hint, 'Change what `clock` takes, or change what `parse` gives.')
})

Types('knows what a call can give: one, many, later, none', async () => {
  const { said } = await check({
    one: ['in', `${reading}export default (x: unknown): Reading => ({ room: "", celsius: 1 })`],
    list: ['in', `${reading}export default async (x: unknown): Promise<Reading[]> => []`],
    generator: [
      'in',
      'export default function* (x: unknown) { yield { room: "", celsius: 1 }; yield undefined }',
    ],
    stream: ['in', 'export default async function* (x: unknown) { yield { room: "", celsius: 1 } }'],
    either: [
      'in',
      'export default (x: any) => (x ? { room: "", celsius: 1 } : x ? [{ room: "", celsius: 2 }] : undefined)',
    ],
    nothing: ['in', 'export default (x: unknown) => console.log(x)'],
    anything: ['in', 'export default (x: any): any => x'],
    generic: ['one', 'export default <T extends { room: string }>(x: T): T => x'],
    average: ['[one, list, generator, stream, either, nothing, anything]', average],
  })
  assert.equal(said, [])
})

Types('looks at a record as it is after JSON', async () => {
  const { said, findings } = await check({
    dated: [
      'in',
      'export default (x: any) => ({ at: new Date(), seen: new Set([1]), room: "a", greet() {} })',
    ],
    text: ['dated', 'export default (x: { at: string; room: string }) => x'],
    date: ['dated', 'export default (x: { at: Date; room: string }) => x'],
    tree: ['in', 'interface Tree { value: number; kids: Tree[]; up?: Tree }\nexport default (x: Tree) => x'],
    leaf: [
      'tree',
      'interface Tree { value: number; kids: Tree[]; up?: Tree }\nexport default (x: Tree) => x',
    ],
    json: ['in', 'import type { JsonValue } from "dyninka"\nexport default (x: JsonValue) => x'],
    passed: ['json', 'import type { JsonValue } from "dyninka"\nexport default (x: JsonValue) => x'],
    branded: ['in', 'type Id = string & { readonly id: unique symbol }\nexport default (x: { id: Id }) => x'],
  })
  assert.equal(said, [
    'date: `dated` gives { at: string; seen: {}; room: string }, but `date` takes { at: Date; room: string }: at is string, not Date.',
  ])
  assert.match(findings[0]!.hint, /a Date becomes text/)
})

Types('checks named outputs where the context declares them', async () => {
  const hot = `import type { Context } from 'dyninka'
export default (x: any, ctx: Context<{ outputs: { hot: { room: string; celsius: string }; cold: number } }>) => x`
  const functions: Record<string, [string, string]> = {
    sort: ['in', hot],
    alarm: ['sort.hot', average],
    typo: ['sort.hott', average],
    count: ['sort.cold', 'export default (n: number) => n'],
    loose: [
      'in',
      'import type { Context } from "dyninka"\nexport default (x: any, ctx: Context) => ctx.emit("x", 1)',
    ],
    taker: ['loose.x', average],
  }
  const sinks = `sinks:
  fine: { from: [sort, sort.hot, loose.y, in], log: {} }
  wrong: { from: [sort, sort.colt], log: {} }`
  const { said, findings } = await check(functions, {}, sinks)
  assert.equal(said, [
    'alarm: `sort.hot` gives { room: string; celsius: string }, but `alarm` takes { room: string; celsius: number }: celsius is string, not number.',
    'typo: `sort` declares no output `hott`.',
    'wrong: `sort` declares no output `colt`.',
  ])
  assert.is(findings[1]!.hint, 'Did you mean `sort.hot`?')
})

Types('finds a key that no record can have', async () => {
  const identity = 'export default (x: any): any => x'
  const { said, findings } = await check({
    parse: [
      'in',
      'export default (x: any) => [{ room: "a", device: { id: 1, tags: { a: 1 } as Record<string, number> } }]',
    ],
    typo: ['parse, key: rooom', identity],
    deep: ['parse, key: device.idd', identity],
    fine: ['parse, key: device.id', identity],
    open: ['parse, key: device.tags.anything', identity],
    some: ['in', 'export default (x: any): { a: 1 } | { b: 2 } => x'],
    either: ['some, key: b', identity],
    any: ['typo, key: whatever', identity],
    raw: ['in, key: whatever', identity],
    clock: ['tick, key: at', identity],
    number: ['clock, key: n', 'export default (x: any) => 1'],
    last: ['number, key: n', identity],
  })
  assert.equal(said, [
    'typo: What `parse` gives has no field `rooom`, by which `typo` is keyed.',
    'deep: What `parse` gives has no field `device.idd`, by which `deep` is keyed.',
    'last: What `number` gives has no field `n`, by which `last` is keyed.',
  ])
  assert.equal(
    findings.map(finding => finding.code),
    Array(3).fill('unknown-key-field'),
  )
  assert.is(findings[0]!.hint, 'Did you mean `room`?')
  assert.is(findings[1]!.hint, 'Its fields are device and room.')
})

Types('finds type errors inside the functions, and defaults that are no functions', async () => {
  const { said, findings } = await check({
    wrong: ['in', 'export default (x: { room: string }, ctx) => {\n  return x.rom\n}'],
    constant: ['in', 'const a = 1\nexport default a'],
    shape: ['in', 'export default class Shape {}'],
    three: ['in', 'export default (x: unknown, ctx: unknown, more: string) => more'],
  })
  assert.equal(
    findings.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`),
    [
      'constant.ts:2:1 not-a-function',
      'shape.ts:1:1 not-a-function',
      'three.ts:1:1 not-a-function',
      'wrong.ts:1:38 type-error',
      'wrong.ts:2:12 type-error',
    ],
  )
  assert.match(said[4]!, "Property 'rom' does not exist on type '{ room: string; }'. Did you mean 'room'?")
})

Types('says nothing of packages that are not installed, nor of what follows from it', async () => {
  const { said } = await check({
    schema: [
      'in',
      `import { z } from 'not-installed-here'
import { readFileSync } from 'node:fs'
const shape = z.object({ room: z.string() }).transform(v => v.room)
class Mine extends z.Base {}
export default (x: unknown) => { console.log(process.pid, fetch, Buffer.from('a'), readFileSync, new Mine()); return shape.parse(x) }`,
    ],
    average: ['schema', average],
  })
  assert.equal(said, [])
})

Types('takes strictness and lib from the tsconfig.json of the package, and strict without one', async () => {
  const code = 'export default (x) => document.title + x'
  const lax = JSON.stringify({
    compilerOptions: {
      strict: false,
      lib: ['es2024', 'dom'],
      outDir: 'dist',
      rootDir: 'src',
      composite: true,
    },
    include: ['nowhere'],
  })
  assert.equal((await check({ f: ['in', code] }, { 'tsconfig.json': lax })).said, [])
  const strict = ["f.ts: Parameter 'x' implicitly has an 'any' type.", /^f.ts: Cannot find name 'document'/]
  const none: Record<string, string> = {}
  for (const files of [none, { 'tsconfig.json': '{ "extends": "./gone.json", nonsense' }]) {
    const { said } = await check({ f: ['in', code] }, files)
    assert.is(said.length, 2)
    assert.is(said[0], strict[0])
    assert.match(said[1]!, strict[1]!)
  }
})

Types('knows globals that the package declares', async () => {
  const { said } = await check(
    { f: ['in', 'export default (x: number) => x + OFFSET'] },
    { 'tsconfig.json': '{}', 'types/globals.d.ts': 'declare const OFFSET: number\n' },
  )
  assert.equal(said, [])
})

Types('checks what is sound beside what is not', async () => {
  const { said } = await check({
    parse: ['in', 'export default (x: unknown) => ({ room: String(x) })'],
    average: ['parse', average],
    broken: ['parse', 'export default ('],
    lost: ['prase', average],
  })
  assert.is(said.length, 3)
  assert.match(said[0]!, /^average: `parse` gives/)
  assert.match(said[1]!, /^lost: There is no source/)
  assert.match(said[2]!, /^broken.ts: /)
})

Types('survives an imported JSON file that is broken', async () => {
  const { said } = await check(
    { f: ['in', 'import rooms from "./rooms.json"\nexport default (x: number) => rooms'] },
    { 'rooms.json': '{ "kitchen" 1 }', 'tsconfig.json': '{}' },
  )
  assert.is(said.length, 1)
  assert.match(said[0]!, /^rooms.json: /)
})

Types('reads the types of this project without any install', async () => {
  const context = await readFile(join(import.meta.dirname, '../runtime/context.ts'), 'utf8')
  assert.match(context, 'export interface Context')
  const { said } = await check({
    f: [
      'in',
      "import type { Context, Setup } from 'dyninka'\nexport const setup: Setup = ({ log }) => log.info('x')\nexport default (x: number, ctx: Context<{ state: number }>) => { ctx.state = x }",
    ],
  })
  assert.equal(said, [])
})

Types.run()
