import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { format, formats, load } from '../schema/index.ts'
import { makeFolder } from './support/dataflow-folder.ts'

// The same cases each time; another seed finds others.
const seed = Number(process.env.SEED ?? 1)

const Mutations = suite<{ dir: string; remove(): Promise<void> }>('schema: mutations')
Mutations.before(async context => {
  const code = ['parse.ts', 'average.ts', 'alarm.ts', 'beat.js']
  const files = Object.fromEntries(code.map(name => [`functions/${name}`, 'export default x => x']))
  Object.assign(context, await makeFolder(files))
})
Mutations.after(({ remove }) => remove())

const good = await readFile(
  fileURLToPath(new URL('fixtures/schema/climate/dataflow.yaml', import.meta.url)),
  'utf8',
)
const lines = good.split('\n')

const bits = fc.constantFrom(
  ...[
    '{',
    '}',
    '[',
    ']',
    ': ',
    ',',
    '"',
    "'",
    '\t',
    '\n',
    '&a ',
    '*a',
    '!!x ',
    '---\n',
    '<<: ',
    '- ',
    '~',
    '0644',
  ],
  ...[
    'true',
    '.nan',
    '-.inf',
    '__proto__',
    'constructor: ',
    'toString',
    '|',
    '>',
    '#',
    '@',
    '`',
    '%',
    '\0',
    '🌡',
    '\r',
  ],
)

/** Edits that a slip of the hand could make, and worse. */
const edit = fc.oneof(
  fc.record({ at: fc.nat(good.length), text: bits, drop: fc.nat(6) }).map(
    ({ at, text, drop }) =>
      (yaml: string) =>
        yaml.slice(0, at) + text + yaml.slice(at + drop),
  ),
  fc
    .record({ from: fc.nat(lines.length), to: fc.nat(lines.length) })
    .map(({ from, to }) => (yaml: string) => {
      const rows = yaml.split('\n')
      const [row = ''] = rows.splice(from, 1)
      rows.splice(to, 0, row)
      return rows.join('\n')
    }),
  fc.nat(lines.length).map(at => (yaml: string) => {
    const rows = yaml.split('\n')
    rows.splice(at, 0, rows[at] ?? '')
    return rows.join('\n')
  }),
  fc.nat(lines.length).map(at => (yaml: string) => yaml.split('\n').toSpliced(at, 1).join('\n')),
)

const mutated = fc
  .array(edit, { minLength: 1, maxLength: 4 })
  .map(edits => edits.reduce((text, apply) => apply(text), good))

Mutations('never throw, and give a flow or findings with a place that exists and a hint', async ({ dir }) => {
  await fc.assert(
    fc.asyncProperty(mutated, async yaml => {
      await writeFile(join(dir, 'dataflow.yaml'), yaml)
      const { flow, findings } = await load(dir, { types: false, secrets: new Set(['SMTP_PASSWORD']) })
      assert.is(flow === undefined, findings.length > 0)
      for (const { line, column, message, hint, code } of findings) {
        assert.ok(line >= 1 && line <= yaml.split('\n').length, `line ${line}`)
        assert.ok(column >= 1)
        assert.match(code, /^[a-z0-9-]+$/)
        assert.match(message, /\S.*\.$/s)
        assert.match(hint, /\S.*[.?]$/s)
        assert.not.match(`${message} ${hint}`, /undefined|\[object|(?<!`)NaN\b/)
      }
      for (const as of formats) await format(findings, as, { dir })
    }),
    { numRuns: 400, seed },
  )
})

Mutations('of nothing but bytes never throw', async ({ dir }) => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async bytes => {
      await writeFile(join(dir, 'dataflow.yaml'), bytes)
      const { findings } = await load(dir, { types: false })
      assert.ok(findings.length > 0)
    }),
    { numRuns: 300, seed },
  )
})

Mutations.run()
