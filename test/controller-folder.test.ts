import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { FolderSource } from '../controller/folder-source.ts'
import { temporaryFolder } from './support/cli.ts'
import { until } from './support/controlled.ts'

const Folder = suite<{ folder: string; source: FolderSource; changes: number }>('a folder as source')

Folder.before.each(async world => {
  world.folder = await temporaryFolder()
  for (const name of ['state', '.git', 'node_modules']) mkdirSync(join(world.folder, name))
  for (let i = 0; i < 20; i++) writeFileSync(join(world.folder, `f${i}.ts`), `${i}`)
  world.changes = 0
  world.source = new FolderSource(world.folder, () => void world.changes++, join(world.folder, 'state'))
  await sleep(200) // the watcher looks around first
})
Folder.after.each(async ({ folder, source }) => {
  await source.close()
  rmSync(folder, { recursive: true, force: true })
})

const idOf = async (source: FolderSource) => (await source.fetch(new AbortController().signal)).id

Folder('has no new revision for what no build reads', async world => {
  const before = await idOf(world.source)
  const written = ['out.ndjson', 'dev.out', 'a.csv', 'run.log', '.x.ts', '.git/a.json', 'state/b.json']
  for (const file of [...written, 'node_modules/c.js']) writeFileSync(join(world.folder, file), 'x')
  await sleep(200)
  assert.is(world.changes, 0)
  assert.is(await idOf(world.source), before)
})

Folder('has no new revision for data that no code imports, and looks no more for it', async world => {
  writeFileSync(join(world.folder, 'f1.ts'), "import table from './data/table.json'")
  await until('it is noticed', () => world.changes > 0)
  const before = await idOf(world.source)
  const noticed = world.changes
  for (const file of ['out.json', 'out.txt', 'out.yaml', 'table.json'])
    writeFileSync(join(world.folder, file), '1')
  await sleep(200)
  assert.is(world.changes, noticed)
  assert.is(await idOf(world.source), before)
})

for (const statement of [
  "from './d/t.json'",
  "import('./d/t.json')",
  "require('./d/t')",
  "from '#d/t.json'",
  "from '../f/d/t.json'",
]) {
  Folder(`has a new revision for data that code names with ${statement}`, async world => {
    const folder = join(world.folder, 'f')
    mkdirSync(join(folder, 'd'), { recursive: true })
    writeFileSync(join(folder, 'code.ts'), statement)
    await until('it is noticed', () => world.changes > 0)
    await sleep(50)
    const before = await idOf(world.source)
    const noticed = world.changes
    writeFileSync(join(folder, 'd/t.json'), '2')
    await until('it is noticed', () => world.changes > noticed)
    assert.is.not(await idOf(world.source), before)
  })
}

const read = ['dataflow.yaml', 'package.json', 'package-lock.json', '.npmrc', 'b.mts', 'c.cjs', 'd.jsx']
for (const file of read) {
  Folder(`has a new revision for ${file}`, async world => {
    const before = await idOf(world.source)
    writeFileSync(join(world.folder, file), 'x')
    await until('it is noticed', () => world.changes > 0)
    assert.is.not(await idOf(world.source), before)
  })
}

Folder('reads many files without a warning', async ({ source }) => {
  const warnings: Error[] = []
  const listener = (warning: Error) => void warnings.push(warning)
  process.on('warning', listener)
  await idOf(source)
  await sleep(10)
  process.off('warning', listener)
  assert.equal(warnings, [])
})

Folder.run()
