import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cli, temporaryFolder } from './support/cli.ts'

interface World {
  folder: string
}

const Validate = suite<World>('dyninka validate')

const flow = (name: string, from = 'tick') => `apiVersion: dyninka.dev/v1
name: ${name}
sources:
  tick: { every: 1s }
functions:
  first: { code: first.ts, from: ${from} }
sinks:
  out: { from: first, log: {} }
`

Validate.before(async world => {
  world.folder = await temporaryFolder()
  for (const [folder, from] of [
    ['good', 'tick'],
    ['deep/bad', 'tock'],
  ] as const) {
    await mkdir(join(world.folder, folder), { recursive: true })
    await writeFile(join(world.folder, folder, 'dataflow.yaml'), flow(folder.replace('deep/', ''), from))
    await writeFile(
      join(world.folder, folder, 'first.ts'),
      'export default (tick: { n: number }) => tick.n\n',
    )
  }
})
Validate.after(({ folder }) => rm(folder, { recursive: true }))

Validate('exits 0 and names what is right', async ({ folder }) => {
  const { code, stdout } = await cli(['validate', 'good'], { cwd: folder })
  assert.is(code, 0)
  assert.is(stdout, '✓ good: no findings in 3 nodes\n')
})

Validate('exits 1 and shows each finding with its line and what to write instead', async ({ folder }) => {
  const { code, stdout } = await cli(['validate'], { cwd: folder })
  assert.is(code, 1)
  assert.match(stdout, 'deep/bad/dataflow.yaml:6:34')
  assert.match(stdout, 'from: tock')
  assert.match(stdout, 'Did you mean `tick`?')
})

Validate('writes JSON whose files are relative to the folder that was named', async ({ folder }) => {
  const { code, stdout } = await cli(['validate', 'deep', '--json'], { cwd: folder })
  assert.is(code, 1)
  const { ok, findings } = JSON.parse(stdout)
  assert.is(ok, false)
  assert.equal(
    findings.map(({ file, line, column, code }: Record<string, unknown>) => [file, line, column, code]),
    [['bad/dataflow.yaml', 6, 34, 'unknown-from']],
  )
  const right = await cli(['validate', 'good', '--json'], { cwd: folder })
  assert.equal(JSON.parse(right.stdout), { ok: true, findings: [] })
})

Validate('marks lines for GitHub from where it runs', async ({ folder }) => {
  const { code, stdout } = await cli(['validate', 'deep', '--format', 'github'], { cwd: folder })
  assert.is(code, 1)
  assert.match(stdout, /^::error file=deep\/bad\/dataflow\.yaml,line=6,col=34,title=unknown-from::.*%0A.*\n$/)
})

Validate('writes SARIF that its own schema accepts', async ({ folder }) => {
  const { code, stdout } = await cli(['validate', '--format', 'sarif'], { cwd: folder })
  assert.is(code, 1)
  const path = new URL('./fixtures/schema/sarif-schema-2.1.0.json', import.meta.url)
  const isValid = new Ajv({ strict: false, unicodeRegExp: false, validateFormats: false }).compile(
    JSON.parse(await readFile(path, 'utf8')),
  )
  const log = JSON.parse(stdout)
  assert.ok(isValid(log), JSON.stringify(isValid.errors))
  assert.match(stdout, '"uri": "deep/bad/dataflow.yaml"')
})

Validate('takes one file as well', async ({ folder }) => {
  const { code } = await cli(['validate', 'good/dataflow.yaml'], { cwd: folder })
  assert.is(code, 0)
})

Validate('finds it wrong that there is nothing to check', async ({ folder }) => {
  await mkdir(join(folder, 'empty'))
  const { code, stdout } = await cli(['validate', 'empty', '--json'], { cwd: folder })
  assert.is(code, 1)
  assert.is(JSON.parse(stdout).findings[0].code, 'no-dataflow')
})

Validate('colours only where it is asked to', async ({ folder }) => {
  const { stdout } = await cli(['validate'], { cwd: folder })
  assert.not.match(stdout, '\x1b')
  const forced = await cli(['validate'], { cwd: folder, env: { FORCE_COLOR: '1' } })
  assert.match(forced.stdout, '\x1b[31m')
})

Validate.run()
