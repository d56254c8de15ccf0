import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { build } from '../builder/index.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  /** @returns what functions/a.ts returns after a build */
  run(): Promise<unknown>
}

/** Each test builds, changes what an import leads to without touching a file that was read, and builds again. */
const Memory = suite<Place>('builder: memory')

Memory.before.each(async place => {
  const repository = await makeRepository()
  place.repository = repository
  place.run = async () => {
    await sleep(30) // files that changed within the last ms are not trusted to the memory
    const [result] = await build({
      root: repository.work,
      dir: repository.work,
      store: join(repository.root, 'store'),
      functions: [{ name: 'a', code: 'functions/a.ts' }],
    })
    if (!result || !('artifact' in result)) throw new Error(JSON.stringify(result))
    return (await import(pathToFileURL(join(result.artifact.path, 'function.mjs')).href)).default()
  }
})
Memory.after.each(place => place.repository.remove())

const importing = (specifier: string) => `import x from '${specifier}'\nexport default () => x`

Memory('notices a new file that shadows an import', async ({ repository, run }) => {
  await repository.write({ 'functions/a.ts': importing('../lib/x'), 'lib/x.js': 'export default 1' })
  assert.is(await run(), 1)
  await repository.write({ 'lib/x.ts': 'export default 2' })
  assert.is(await run(), 2)
})

Memory('notices a file that comes before a folder', async ({ repository, run }) => {
  await repository.write({ 'functions/a.ts': importing('../lib/x'), 'lib/x/index.ts': 'export default 1' })
  assert.is(await run(), 1)
  await repository.write({ 'lib/x.ts': 'export default 2' })
  assert.is(await run(), 2)
})

Memory('notices a package.json that sends a folder elsewhere', async ({ repository, run }) => {
  await repository.write({
    'functions/a.ts': importing('../lib'),
    'lib/index.ts': 'export default 1',
    'lib/other.ts': 'export default 2',
  })
  assert.is(await run(), 1)
  await repository.write({ 'lib/package.json': '{ "main": "other.ts" }' })
  assert.is(await run(), 2)
})

Memory('notices another entry of `imports` in package.json', async ({ repository, run }) => {
  const manifest = (file: string) => JSON.stringify({ imports: { '#x': `./lib/${file}` } })
  await repository.write({
    'package.json': manifest('one.ts'),
    'functions/a.ts': importing('#x'),
    'lib/one.ts': 'export default 1',
    'lib/two.ts': 'export default 2',
  })
  assert.is(await run(), 1)
  await repository.write({ 'package.json': manifest('two.ts') })
  assert.is(await run(), 2)
})

Memory('notices a link that points elsewhere', async ({ repository, run }) => {
  await repository.write({
    'functions/a.ts': importing('../current/x.ts'),
    'v1/x.ts': 'export default 1',
    'v2/x.ts': 'export default 2',
    current: { link: 'v1' },
  })
  assert.is(await run(), 1)
  await repository.write({ current: { link: 'v2' } })
  assert.is(await run(), 2)
})

Memory('notices that the file of the function has become a link', async ({ repository, run }) => {
  await repository.write({ 'functions/a.ts': { link: 'b.ts' }, 'functions/b.ts': 'export default () => 1' })
  await repository.write({ 'functions/c.ts': 'export default () => 2' })
  assert.is(await run(), 1)
  await repository.write({ 'functions/a.ts': { link: 'c.ts' } })
  assert.is(await run(), 2)
})

Memory('survives a memory that is torn', async ({ repository, run }) => {
  await repository.write({ 'functions/a.ts': 'export default () => 1' })
  assert.is(await run(), 1)
  const { readdir, writeFile } = await import('node:fs/promises')
  const folder = join(repository.root, 'store/memory')
  for (const name of await readdir(folder)) await writeFile(join(folder, name), '{"functions/a.ts":{"dig')
  assert.is(await run(), 1)
})

Memory.run()
