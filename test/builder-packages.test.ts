import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { type BuildResult, build } from '../builder/index.ts'
import { makeRepository, type Repository } from './support/repository.ts'

interface Place {
  repository: Repository
  store: string
  registry: Registry
  progress: string[]
  build(names?: string[], store?: string): Promise<BuildResult[]>
}

const Packages = suite<Place>('builder: packages')
const packages = new Map<string, Buffer>()

Packages.before(async () => {
  const needs = { dependencies: { word: '^1.0.0' }, scripts: { install: 'touch ../../../../script-ran' } }
  const greet = "const os = require('os')\nmodule.exports = () => require('word') + typeof os.cpus"
  packages.set('/greet.tgz', await pack('greet', greet, needs))
  packages.set('/word.tgz', await pack('word', "module.exports = 'hello '"))
})
Packages.before.each(async place => {
  place.repository = await makeRepository()
  place.store = join(place.repository.root, 'store')
  place.registry = await startRegistry()
  place.progress = []
  process.env.npm_config_cache = join(place.repository.root, 'npm-cache')
  const { work: root } = place.repository
  place.build = (names = ['a'], store = place.store) =>
    build({
      root,
      dir: root,
      store,
      functions: names.map(name => ({ name, code: `functions/${name}.ts` })),
      onProgress: message => place.progress.push(message),
    })
})
Packages.after.each(async ({ repository, registry }) => {
  registry.close()
  await repository.remove()
})

async function pack(name: string, index: string, more: object = {}): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'dyninka-package-'))
  await writeFile(join(folder, 'index.js'), index)
  await writeFile(join(folder, 'package.json'), json({ name, version: '1.0.0', ...more }))
  await promisify(execFile)('npm', ['pack', '--ignore-scripts'], { cwd: folder })
  const tarball = await readFile(join(folder, `${name}-1.0.0.tgz`))
  await rm(folder, { recursive: true })
  return tarball
}

interface Registry {
  url: string
  requests: string[]
  files: Map<string, Buffer>
  close(): void
}

/** Serves the tarballs, which is all that npm asks for when there is a lock file. */
async function startRegistry(): Promise<Registry> {
  const files = new Map(packages)
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(request.url!)
    const file = files.get(request.url!)
    response.writeHead(file ? 200 : 404).end(file)
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  return { url, requests, files, close }
}

const json = (value: unknown) => JSON.stringify(value)
const lock = (dependencies: object, packages: object, more: object = {}) =>
  json({
    name: 'x',
    lockfileVersion: 3,
    requires: true,
    packages: { '': { dependencies, ...more }, ...packages },
  })
const artifact = (result?: BuildResult) => {
  if (!result || !('artifact' in result)) throw new Error(json(result))
  return result.artifact
}
const load = async (result?: BuildResult) =>
  (await import(pathToFileURL(join(artifact(result).path, 'function.mjs')).href)).default()

/** Writes functions of which one imports a CommonJS package, that needs a built-in module and another package. */
async function writeGreeter({ repository, registry }: Place) {
  const locked = (name: string) => ({
    version: '1.0.0',
    resolved: `${registry.url}/${name}.tgz`,
    integrity: `sha512-${createHash('sha512')
      .update(packages.get(`/${name}.tgz`)!)
      .digest('base64')}`,
  })
  const dependencies = { greet: '^1.0.0', dyninka: '^0.1.0' }
  const dev = { devDependencies: { uvu: '^0.5.6' } }
  await repository.write({
    'package.json': json({ name: 'x', type: 'module', dependencies, ...dev }),
    'package-lock.json': lock(
      dependencies,
      {
        'node_modules/greet': {
          ...locked('greet'),
          dependencies: { word: '^1.0.0' },
          hasInstallScript: true,
        },
        'node_modules/word': locked('word'),
        'node_modules/dyninka': { version: '0.1.0', resolved: `${registry.url}/dyninka.tgz` },
        'node_modules/uvu': { version: '0.5.6', resolved: `${registry.url}/uvu.tgz`, dev: true },
      },
      dev,
    ),
    'functions/a.ts':
      "import type { Context } from 'dyninka'\nimport greet from 'greet'\nexport default () => greet()",
    'functions/b.ts': 'export default () => 1',
  })
}

Packages('installs what the lock file says once, runs no script, and bundles it', async place => {
  await writeGreeter(place)
  const { repository, store, registry, progress } = place
  await repository.write({ 'node_modules/greet/index.js': "module.exports = () => 'not the locked one'" })
  const [first] = await place.build(['a', 'b'])
  assert.is(await load(first), 'hello function')
  assert.equal(progress, ['installing 2 npm packages of package-lock.json'])
  assert.equal(registry.requests.toSorted(), ['/greet.tgz', '/word.tgz']) // neither dyninka nor what tests need
  assert.not.ok((await readdir(store)).includes('script-ran'))
  assert.equal(artifact(first).inputs.toSorted(), [
    'functions/a.ts',
    'node_modules/greet/index.js',
    'node_modules/word/index.js',
  ])
  await repository.write({ 'functions/a.ts': "import greet from 'greet'\nexport default () => greet() + 2" })
  assert.is(await load((await place.build())[0]), 'hello function2')
  assert.is(registry.requests.length, 2)
})

Packages('gives the same bytes from another store, and remembers without its packages', async place => {
  await writeGreeter(place)
  const { repository, store } = place
  await sleep(30) // files that changed within the last ms are not trusted to the memory
  const [first] = await place.build()
  const other = await place.build(['a'], join(repository.root, 'elsewhere/store'))
  assert.is(artifact(other[0]).digest, artifact(first).digest)
  assert.not.match(await readFile(join(artifact(first).path, 'function.mjs'), 'utf8'), store)
  await rm(join(store, 'deps'), { recursive: true })
  assert.equal(artifact((await place.build())[0]), artifact(first))
  assert.not.ok((await readdir(store)).includes('deps'))
})

Packages('installs only when a function imports a package', async place => {
  await writeGreeter(place)
  assert.is(await load((await place.build(['b']))[0]), 1)
  assert.equal(place.registry.requests, [])
})

Packages('takes two controllers that install the same at once', async place => {
  await writeGreeter(place)
  const results = await Promise.all([place.build(), place.build()])
  for (const [result] of results) assert.is(await load(result), 'hello function')
  assert.is((await readdir(join(place.store, 'deps'))).length, 1)
  assert.equal(await readdir(join(place.store, 'tmp')), [])
})

Packages("gives npm's reason at the import when it fails, builds the rest, and recovers", async place => {
  await writeGreeter(place)
  const { registry } = place
  const tarball = registry.files.get('/word.tgz')!
  registry.files.delete('/word.tgz')
  const [failed, other] = await place.build(['a', 'b'])
  if (!failed || !('findings' in failed)) throw new Error('it was built')
  const [finding] = failed.findings
  assert.equal([finding?.file, finding?.line, finding?.column], ['functions/a.ts', 2, 19])
  assert.is(finding?.code, 'install-failed')
  assert.match(finding!.message, 'E404')
  assert.is(await load(other), 1)
  assert.equal(await readdir(join(place.store, 'tmp')), [])

  registry.files.set('/word.tgz', tarball)
  assert.is(await load((await place.build())[0]), 'hello function')
})

for (const [what, files, code, hint] of [
  ['no lock file', { 'package-lock.json': null }, 'no-lock-file', 'npm install'],
  [
    'a lock file that is not JSON',
    { 'package-lock.json': '<<<<<<< HEAD' },
    'invalid-json',
    'package-lock.json',
  ],
  ['a lock file of npm 6', { 'package-lock.json': '{"lockfileVersion":1}' }, 'old-lock-file', 'npm 7'],
  ['a lock file that lags behind', { 'package-lock.json': lock({}, {}) }, 'install-failed', 'npm install'],
] as const) {
  Packages(`says what to do about ${what}`, async place => {
    await writeGreeter(place)
    await place.repository.write(files)
    const [failed, other] = await place.build(['a', 'b'])
    if (!failed || !('findings' in failed)) throw new Error('it was built')
    assert.is(failed.findings[0]?.code, code)
    assert.match(failed.findings[0]!.hint, hint)
    assert.is(await load(other), 1)
  })
}

Packages('tells a registry that is away from a lock file that is wrong', async place => {
  await writeGreeter(place)
  place.registry.close()
  await place.repository.write({ '.npmrc': 'fetch-retries=0' })
  const [failed] = await place.build()
  if (!failed || !('findings' in failed)) throw new Error('it was built')
  assert.is(failed.findings[0]?.code, 'registry-unreachable')
})

Packages.run()
