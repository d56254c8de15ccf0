import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { artifactPath, findArtifact, pruneStore } from '../builder/index.ts'
import { memoryFile } from '../builder/memory.ts'
import { keepArtifact } from '../builder/store.ts'

const Store = suite<{ store: string }>('builder: store')

Store.before.each(async place => {
  place.store = await mkdtemp(join(tmpdir(), 'dyninka-store-'))
})
Store.after.each(({ store }) => rm(store, { recursive: true }))

const content = (text: string, name = 'function.mjs') => ({
  toolchain: 'test',
  files: { [name]: Buffer.from(text), [`${name}.map`]: Buffer.from('{}') },
  inputs: ['a.ts'],
})

Store('keeps files under a digest that only their content decides', async ({ store }) => {
  const first = await keepArtifact(store, content('one'))
  const again = await keepArtifact(store, content('one'))
  const other = await keepArtifact(store, content('two'))
  assert.equal([first.built, again.built, other.built], [true, false, true])
  assert.equal(again.artifact, first.artifact)
  assert.is.not(other.artifact.digest, first.artifact.digest)
  assert.is(artifactPath(store, first.artifact.digest), first.artifact.path)
  assert.equal(await findArtifact(store, first.artifact.digest), first.artifact)
  assert.is(await findArtifact(store, `sha256:${'0'.repeat(64)}`), undefined)
})

for (const file of ['function.mjs', 'function.mjs.map', 'artifact.json']) {
  for (const [damage, harm] of [
    ['torn', (path: string) => truncate(path, 1)],
    ['altered', (path: string) => writeFile(path, '{"a":1}')],
    ['missing', (path: string) => rm(path)],
  ] as const) {
    Store(`notices that ${file} is ${damage}, and puts it right`, async ({ store }) => {
      const { artifact } = await keepArtifact(store, content('one'))
      await harm(join(artifact.path, file))
      assert.is(await findArtifact(store, artifact.digest), undefined)
      assert.is((await keepArtifact(store, content('one'))).built, true)
      assert.equal(await findArtifact(store, artifact.digest), artifact)
    })
  }
}

Store('takes many writers of one artifact at once', async ({ store }) => {
  const kept = await Promise.all(Array.from({ length: 20 }, () => keepArtifact(store, content('one'))))
  assert.is(new Set(kept.map(({ artifact }) => artifact.digest)).size, 1)
  assert.is(kept.filter(({ built }) => built).length, 1)
  assert.equal(await findArtifact(store, kept[0]!.artifact.digest), kept[0]!.artifact)
  assert.equal(await readdir(join(store, 'tmp')), [])
})

Store('has no artifact that is not whole, whenever its writer is killed', async ({ store }) => {
  const module = fileURLToPath(new URL('../builder/store.ts', import.meta.url))
  const program = `
    import { keepArtifact } from ${JSON.stringify(module)}
    const files = { 'function.mjs': Buffer.alloc(2e6, String(process.argv[1])) }
    for (let i = 0; ; i++) {
      files['function.mjs'].write(String(i))
      const { artifact } = await keepArtifact(${JSON.stringify(store)}, { toolchain: 'test', files, inputs: [] })
      if (i === 0) console.log('started')
    }`
  for (const delayMs of [0, 3, 8]) {
    const writer = spawn(process.execPath, ['--input-type=module', '-e', program, String(delayMs)])
    await once(writer.stdout, 'data')
    await new Promise(done => setTimeout(done, delayMs))
    writer.kill('SIGKILL')
    await once(writer, 'close')
  }
  const names = await readdir(join(store, 'sha256'))
  assert.ok(names.length >= 3)
  for (const name of names) assert.ok(await findArtifact(store, `sha256:${name}`))
})

Store('removes what nobody has wanted for a while, and keeps the rest', async ({ store }) => {
  const [old, wanted, fresh] = await Promise.all(
    ['old', 'wanted', 'fresh'].map(async text => (await keepArtifact(store, content(text))).artifact),
  )
  const abandoned = join(store, 'tmp/abandoned')
  await mkdir(abandoned)
  for (const path of [old!.path, wanted!.path, abandoned]) await utimes(path, 1, 1)
  await pruneStore(store, { artifacts: new Set([wanted!.digest]), folders: [] })
  assert.is(await findArtifact(store, old!.digest), undefined)
  assert.ok(await findArtifact(store, wanted!.digest))
  assert.ok(await findArtifact(store, fresh!.digest))
  assert.equal(await readdir(join(store, 'tmp')), [])
})

Store('keeps the memory of a living dataflow and the packages that its builds used', async ({ store }) => {
  const memory = memoryFile(store, 'flows/a')
  await mkdir(join(store, 'memory'))
  await writeFile(memory, JSON.stringify({ 'a.ts': { dependencies: 'used' }, 'b.ts': {} }))
  await writeFile(memoryFile(store, 'flows/gone'), '{}')
  for (const name of ['used', 'unused']) await mkdir(join(store, 'deps', name), { recursive: true })
  const old = [memory, memoryFile(store, 'flows/gone'), join(store, 'deps/used'), join(store, 'deps/unused')]
  for (const path of old) await utimes(path, 1, 1)
  await pruneStore(store, { artifacts: new Set(), folders: ['flows/a', 'flows/new'] })
  assert.equal(await readdir(join(store, 'memory')), [basename(memory)])
  assert.equal(await readdir(join(store, 'deps')), ['used'])
  await pruneStore(store, { artifacts: new Set(), folders: [] })
  assert.equal(await readdir(join(store, 'deps')), ['used'], 'it was in use a moment ago')
})

Store('dates an artifact anew that a build finds', async ({ store }) => {
  const { artifact } = await keepArtifact(store, content('one'))
  await utimes(artifact.path, 1, 1)
  await keepArtifact(store, content('one'))
  await pruneStore(store, { artifacts: new Set(), folders: [] })
  assert.ok(await findArtifact(store, artifact.digest))
})

Store.run()
