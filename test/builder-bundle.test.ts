import { execFile } from 'node:child_process'
import { readFile, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BuildResult, build } from '../builder/index.ts'
import { git, makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  store: string
  build(names: string[], dir?: string): Promise<BuildResult[]>
}

const Bundle = suite<Place>('builder: bundle')

Bundle.before.each(async place => {
  place.repository = await makeRepository()
  place.store = join(place.repository.root, 'store')
  const root = place.repository.work
  place.build = (names, dir = '.') =>
    build({
      root,
      dir: join(root, dir),
      store: place.store,
      functions: names.map(name => ({ name, code: `functions/${name}.ts` })),
    })
})
Bundle.after.each(place => place.repository.remove())

function artifact(result: BuildResult | undefined) {
  if (!result || !('artifact' in result)) throw new Error(`not built: ${JSON.stringify(result)}`)
  return result.artifact
}
function findings(result: BuildResult | undefined) {
  if (!result || !('findings' in result)) throw new Error('it was built')
  return result.findings
}
const load = (path: string) => import(pathToFileURL(join(path, 'function.mjs')).href)

Bundle('makes one module that exports what the file exports', async ({ repository, ...place }) => {
  await repository.write({
    'lib/twice.ts': 'export const twice = (n: number): number => 2 * n',
    'lib/rooms.json': '{ "kitchen": 7 }',
    'functions/a.ts': `
      import type { Context } from 'dyninka'
      import rooms from '../lib/rooms.json'
      import { twice } from '../lib/twice.ts'
      export const setup = () => {}
      export default (record: { room: 'kitchen' }, _: Context) => twice(rooms[record.room])`,
  })
  const { path, bytes, inputs } = artifact((await place.build(['a']))[0])
  const module = await load(path)
  assert.is(module.default({ room: 'kitchen' }), 14)
  assert.type(module.setup, 'function')
  assert.is(bytes, (await readFile(join(path, 'function.mjs'))).length)
  assert.equal(inputs.toSorted(), ['functions/a.ts', 'lib/rooms.json', 'lib/twice.ts'])
})

Bundle('lets a stack trace name the file and line of the user', async ({ repository, store, ...place }) => {
  await repository.write({
    'lib/check.ts':
      "interface Reading {\n  celsius: number\n}\n\nexport function check(r: Reading) {\n  throw new Error('bad ' + r.celsius)\n}",
    'functions/a.ts':
      "import { check } from '../lib/check.ts'\n\nexport default (r: { celsius: number }) =>\n  check(r)",
  })
  const { path } = artifact((await place.build(['a']))[0])
  const main = join(store, 'main.mjs')
  const url = pathToFileURL(join(path, 'function.mjs')).href
  await writeFile(
    main,
    `import f from '${url}'\ntry { f({ celsius: 3 }) } catch (e) { console.log(e.stack) }`,
  )
  const { stdout } = await promisify(execFile)(process.execPath, ['--enable-source-maps', main])
  assert.match(stdout, 'Error: bad 3')
  assert.match(stdout, 'repository:lib/check.ts:6:9')
  assert.match(stdout, 'repository:functions/a.ts:4:3')
})

Bundle('gives the same bytes in another folder, at another time', async ({ repository, store, ...place }) => {
  await repository.write({
    'lib/x.ts': 'export const x = { deep: [1, 2] }',
    'functions/a.ts': "import { x } from '../lib/x.ts'\nexport default () => x",
    'notes.md': 'not code',
  })
  await repository.commit()
  await repository.push()
  const first = artifact((await place.build(['a']))[0])
  await git(repository.root, 'clone', '--quiet', repository.bare, 'some/where/else')
  const root = join(repository.root, 'some/where/else')
  await git(root, 'mv', 'notes.md', 'elsewhere.md')
  await utimes(join(root, 'functions/a.ts'), 1, 1)
  const functions = [{ name: 'other', code: 'functions/a.ts' }]
  const second = artifact((await build({ root, dir: root, store: `${store}-2`, functions }))[0])
  assert.is(second.digest, first.digest)
  for (const file of ['function.mjs', 'function.mjs.map', 'artifact.json']) {
    const [one, two] = await Promise.all(
      [first, second].map(({ path }) => readFile(join(path, file), 'utf8')),
    )
    assert.is(one, two)
    assert.not.match(one!, repository.root)
  }
})

Bundle('builds once for functions of the same code, and does not when the store has it', async place => {
  await place.repository.write({ 'functions/a.ts': 'export default () => 1' })
  const options = { root: place.repository.work, dir: place.repository.work, store: place.store }
  const functions = ['one', 'two'].map(name => ({ name, code: 'functions/a.ts' }))
  const built = (results: BuildResult[]) => results.map(result => 'built' in result && result.built)
  assert.equal(built(await build({ ...options, functions })), [true, false])
  assert.equal(built(await build({ ...options, functions })), [false, false])
  await place.repository.write({ 'functions/a.ts': 'export default () => 2' })
  assert.equal(built(await build({ ...options, functions })), [true, false])
  await place.repository.write({ 'functions/a.ts': 'export default () => 1' })
  assert.equal(built(await build({ ...options, functions })), [false, false])
})

Bundle('says where and why each failed, and builds the others', async ({ repository, ...place }) => {
  await repository.write({
    'lib/twice.ts': 'export const twice = 2',
    'functions/good.ts': 'export default () => 1',
    'functions/syntax.ts': 'export default () => {\n  const = 1\n}',
    'functions/missing.ts':
      "import { twice } from '../lib/twise.ts'\n/* é */ import x from 'left-pad'\nexport default () => twice + x",
    'functions/name.ts': "import { thrice } from '../lib/twice.ts'\nexport default () => thrice",
    'functions/none.ts': 'export const main = () => 1',
    'functions/remote.ts': "import x from 'https://example.org/x.js'\nexport default () => x",
    'functions/testing.ts': "import { dataflow } from 'dyninka/testing'\nexport default () => dataflow",
  })
  const results = await place.build([
    'syntax',
    'missing',
    'name',
    'none',
    'remote',
    'testing',
    'gone',
    'good',
  ])
  const seen = results.flatMap(result => ('findings' in result ? result.findings : []))
  assert.equal(
    seen.map(({ file, line, column, code }) => `${file}:${line}:${column} ${code}`),
    [
      'functions/syntax.ts:2:9 syntax',
      'functions/missing.ts:1:23 unresolved-import',
      'functions/missing.ts:2:23 unresolved-import',
      'functions/name.ts:1:10 syntax',
      'functions/none.ts:1:1 no-default-export',
      'functions/remote.ts:1:15 remote-import',
      'functions/testing.ts:1:26 test-import',
      'functions/gone.ts:1:1 missing-file',
    ],
  )
  assert.is(seen[1]?.hint, "Did you mean '../lib/twice.ts'?")
  assert.match(seen[2]!.hint, 'npm install left-pad')
  assert.ok(seen.every(finding => finding.message && finding.hint))
  artifact(results.at(-1))
})

Bundle('names files relative to the folder of the dataflow', async ({ repository, ...place }) => {
  await repository.write({
    'flows/one/functions/a.ts': "import { x } from '../../../lib/x.ts'\nexport default () => x",
    'lib/x.ts': "import y from './y.ts'\nexport const x = y",
  })
  const [result] = await place.build(['a'], 'flows/one')
  assert.is(findings(result)[0]?.file, '../../lib/x.ts')
})

Bundle('refuses what lies outside the repository', async ({ repository, ...place }) => {
  await writeFile(join(repository.root, 'secret.ts'), 'export default 42')
  await repository.write({
    'lib/link.ts': { link: '../../secret.ts' },
    'functions/a.ts': "import x from '../lib/link.ts'\nexport default () => x",
    'functions/b.ts': "\nimport x from '../../secret.ts'\nexport default () => x",
    'functions/c.ts': { link: '../../secret.ts' },
    'functions/d.ts': { link: 'e.ts' },
    'functions/e.ts': 'export default () => 1',
  })
  const results = await place.build(['a', 'b', 'c', 'd'])
  for (const [i, line] of [1, 2].entries()) {
    const [finding] = findings(results[i])
    assert.equal([finding?.code, finding?.line, finding?.column], ['outside-repository', line, 15])
  }
  assert.is(findings(results[2])[0]?.code, 'outside-repository')
  artifact(results[3]) // a link that stays inside is fine
})

Bundle(
  'refuses a bundle of more than 10 MB, and names what makes it so large',
  async ({ repository, ...place }) => {
    await repository.write({
      'lib/table.ts': `export const table = '${'x'.repeat(10 * 1024 * 1024)}'`,
      'functions/a.ts': "import { table } from '../lib/table.ts'\nexport default () => table",
    })
    const [finding] = findings((await place.build(['a']))[0])
    assert.is(finding?.code, 'bundle-too-large')
    assert.match(finding!.hint, 'lib/table.ts')
  },
)

Bundle('pays no attention to tsconfig.json, as Node does not', async ({ repository, ...place }) => {
  await repository.write({ 'functions/a.ts': 'export default () => <const>[1]' })
  const before = artifact((await place.build(['a']))[0])
  await repository.write({ 'tsconfig.json': '{ "compilerOptions": { "target": "es5", "jsx": "react" } }' })
  assert.is(artifact((await place.build(['a']))[0]).digest, before.digest)
})

Bundle('stops when it is told to', async ({ repository, store }) => {
  await repository.write({ 'functions/a.ts': 'export default () => 1' })
  const { work } = repository
  const options = { root: work, dir: work, store, functions: [{ name: 'a', code: 'functions/a.ts' }] }
  try {
    await build({ ...options, signal: AbortSignal.abort() })
    assert.unreachable()
  } catch (error) {
    assert.is((error as Error).name, 'AbortError')
  }
})

Bundle.run()
