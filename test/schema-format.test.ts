import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { Ajv } from 'ajv'
import formatsOf from 'ajv-formats'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type Finding, format, load, rebase } from '../schema/index.ts'
import { around, makeFolder } from './support/dataflow-folder.ts'

const Format = suite<{ dir: string; remove(): Promise<void>; findings: Finding[] }>('schema: format')

Format.before(async context => {
  const folder = await makeFolder({
    'dataflow.yaml': around('functions:\n  f: { code: functions/f.ts, from: inn }\n'),
    'functions/f.ts': 'export default (x: number) => {\n\tretrun x\n}\n',
  })
  Object.assign(context, folder, await load(folder.dir, { types: false }))
})
Format.after(({ remove }) => remove())

Format('shows a person the line, a caret under the place, and what to write', async ({ dir, findings }) => {
  assert.is(
    await format(findings, 'text', { dir }),
    `dataflow.yaml:4:36 There is no source or function \`inn\`. [unknown-from]
  3 | functions:
  4 |   f: { code: functions/f.ts, from: inn }
                                         ^
  Did you mean \`in\`?

functions/f.ts:2:9 Expected ";" but found "x". [syntax-error]
  1 | export default (x: number) => {
  2 |  retrun x
              ^
  Correct the syntax: nothing else in this file was checked.

2 problems in 2 files.
`,
  )
})

Format('uses colours only if asked, and they change no word', async ({ dir, findings }) => {
  const plain = await format(findings, 'text', { dir })
  const coloured = await format(findings, 'text', { dir, colour: true })
  assert.is.not(coloured, plain)
  assert.is(stripVTControlCharacters(coloured), plain)
  assert.is(stripVTControlCharacters(plain), plain)
})

Format('says so where there is nothing to say', async ({ dir }) => {
  assert.is(await format([], 'text', { dir }), 'No problems found.\n')
  assert.is(await format([], 'github', { dir }), '')
  assert.equal(JSON.parse(await format([], 'json', { dir })), { ok: true, findings: [] })
})

Format('does without the line of a file that is gone, and cuts a long one', async ({ dir }) => {
  const gone: Finding = { file: 'gone.ts', line: 3, column: 1, code: 'x', message: 'Gone.', hint: 'Look.' }
  assert.is(await format([gone], 'text', { dir }), 'gone.ts:3:1 Gone. [x]\n  Look.\n\n1 problem in 1 file.\n')
  const long = await makeFolder({ 'long.ts': `${'a'.repeat(500)}!${'b'.repeat(500)}\n` })
  const text = await format([{ ...gone, file: 'long.ts', line: 1, column: 501 }], 'text', long)
  const [, line, caret] = text.split('\n')
  assert.ok(line!.length < 120)
  assert.is(line![caret!.indexOf('^')], '!')
  await long.remove()
})

Format('shows lines of files that stand above the folder', async ({ dir, findings }) => {
  const there = await format(findings, 'text', { dir })
  const here = await format(rebase(findings, '..'), 'text', { dir: join(dir, 'functions') })
  assert.is(
    here,
    there.replace('dataflow.yaml:', '../dataflow.yaml:').replace('functions/f.ts:', '../functions/f.ts:'),
  )
})

Format('gives a machine what it was asked for', async ({ dir, findings }) => {
  const { ok, findings: printed } = JSON.parse(await format(findings, 'json', { dir }))
  assert.is(ok, false)
  assert.equal(printed, findings)
  assert.equal(Object.keys(printed[0]), ['file', 'line', 'column', 'code', 'message', 'hint'])
})

Format('escapes what a workflow command would read as its own', async ({ dir }) => {
  const nasty: Finding = {
    file: 'a,b:c%.yaml',
    line: 1,
    column: 2,
    code: 'x',
    message: '100% ::error::\r\nnext',
    hint: 'h',
  }
  assert.is(
    await format([nasty], 'github', { dir }),
    '::error file=a%2Cb%3Ac%25.yaml,line=1,col=2,title=x::100%25 ::error::%0D%0Anext%0Ah\n',
  )
})

Format('writes SARIF that the official schema accepts', async ({ dir, findings }) => {
  // As OASIS publishes it, from schemastore.org.
  const schema = JSON.parse(
    await readFile(new URL('fixtures/schema/sarif-schema-2.1.0.json', import.meta.url), 'utf8'),
  )
  const ajv = new Ajv({ strict: false, unicodeRegExp: false })
  formatsOf.default(ajv)
  const valid = ajv.compile(schema)
  const parsed = async (some: Finding[]) => JSON.parse(await format(some, 'sarif', { dir }))
  const odd: Finding = { ...findings[0]!, file: 'with space/ü#1.ts' }
  for (const some of [[], findings, [odd]]) {
    const { runs, ...log } = await parsed(some)
    assert.ok(valid({ runs, ...log }), JSON.stringify(valid.errors))
    assert.is(runs[0].results.length, some.length)
  }
  const { runs } = await parsed([odd])
  const { artifactLocation, region } = runs[0].results[0].locations[0].physicalLocation
  assert.is(artifactLocation.uri, 'with%20space/%C3%BC%231.ts')
  assert.equal(region, { startLine: 4, startColumn: 36 })
  assert.not.ok(valid({ version: '2.1.0' }))
})

Format('moves files to where the reader stands', ({ findings }) => {
  assert.equal(
    rebase(findings, 'flows/x').map(finding => finding.file),
    ['flows/x/dataflow.yaml', 'flows/x/functions/f.ts'],
  )
  assert.equal(rebase(findings, '.'), findings)
})

Format.run()
