import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { suite } from 'uvu'
import { Controlled, until } from './support/controlled.ts'
import { makeRepository } from './support/repository.ts'

const Registry = suite('a registry that is away')

const yaml = `apiVersion: dyninka.dev/v1
name: packaged
sources:
  tick: { every: 200ms }
functions:
  speak: { code: speak.ts, from: tick }
`

Registry('is asked again, and what it holds runs without a new revision', async () => {
  const repository = await makeRepository()
  const { root } = repository
  const manifest = JSON.stringify({ name: 'word', version: '1.0.0', types: 'index.d.ts' })
  await writeFile(join(root, 'package.json'), manifest)
  await writeFile(join(root, 'index.js'), "module.exports = 'hello'")
  await writeFile(join(root, 'index.d.ts'), 'declare const word: string\nexport = word\n')
  await promisify(execFile)('npm', ['pack', '--ignore-scripts'], { cwd: root })
  const tarball = await readFile(join(root, 'word-1.0.0.tgz'))
  let isAway = true
  const registry = createServer((_, response) =>
    response.writeHead(isAway ? 503 : 200).end(isAway ? '' : tarball),
  )
  await new Promise<void>(done => registry.listen(0, '127.0.0.1', done))
  const resolved = `http://127.0.0.1:${(registry.address() as AddressInfo).port}/word.tgz`
  const dependencies = { word: '^1.0.0' }
  const packages = { '': { dependencies }, 'node_modules/word': { version: '1.0.0', resolved } }
  const commit = await repository.publish({
    'dataflow.yaml': yaml,
    'speak.ts': "import word from 'word'\nexport default (): string => word\n",
    'package.json': JSON.stringify({ dependencies }),
    'package-lock.json': JSON.stringify({ name: 'x', lockfileVersion: 3, requires: true, packages }),
    '.npmrc': 'fetch-retries=0\n',
  })
  process.env.npm_config_cache = join(root, 'npm-cache')
  const controlled = await Controlled.over({ repo: repository.bare })
  try {
    await until('it says that the registry is away', async () => {
      const { conditions = [] } = (await controlled.status()) ?? {}
      return conditions.some(({ reason }) => reason === 'RegistryUnreachable')
    })
    isAway = false
    await controlled.ready(commit)
  } finally {
    await controlled.remove()
    registry.close()
    registry.closeAllConnections()
    await repository.remove()
  }
})

Registry.run()
