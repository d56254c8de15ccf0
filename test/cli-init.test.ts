import { execFileSync, spawnSync } from 'node:child_process'
import { readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { cli, temporaryFolder } from './support/cli.ts'

interface World {
  folder: string
}

const Init = suite<World>('dyninka init')

Init.before(async world => {
  world.folder = await temporaryFolder()
  await writeFile(join(world.folder, 'README.md'), 'mine\n')
  const { code, stderr } = await cli(['init', '.', '--name', 'rooms'], { cwd: world.folder })
  assert.is(code, 0, stderr)
})
Init.after(({ folder }) => rm(folder, { recursive: true }))

Init('makes a dataflow that has no findings, types included', async ({ folder }) => {
  const { code, stdout } = await cli(['validate'], { cwd: folder })
  assert.is(code, 0, stdout)
  assert.match(stdout, 'rooms: no findings')
})

Init('makes a test that passes', ({ folder }) => {
  const { status, stdout } = spawnSync(process.execPath, ['--test'], { cwd: folder, encoding: 'utf8' })
  assert.is(status, 0, stdout)
  assert.match(stdout, 'pass 1')
})

Init('links this Dyninka, so that npx and editors find it', async ({ folder }) => {
  const version = execFileSync(join(folder, 'node_modules', '.bin', 'dyninka'), ['--version'], {
    encoding: 'utf8',
  })
  assert.match(version, /^\d+\.\d+\.\d+\n$/)
  const schema = join(
    await readlink(join(folder, 'node_modules', 'dyninka')),
    'schema',
    'dataflow.schema.json',
  )
  assert.type(JSON.parse(await readFile(schema, 'utf8')), 'object')
})

Init('makes a Git repository that leaves out what is made', ({ folder }) => {
  const status = execFileSync('git', ['-C', folder, 'status', '--porcelain', '--untracked-files=all'], {
    encoding: 'utf8',
  })
  assert.match(status, 'dataflow.yaml')
  assert.not.match(status, 'node_modules')
})

Init('leaves alone what is there', async ({ folder }) => {
  assert.is(await readFile(join(folder, 'README.md'), 'utf8'), 'mine\n')
  const { code, stderr } = await cli(['init'], { cwd: folder })
  assert.is(code, 1)
  assert.match(stderr, 'dataflow.yaml is there already')
})

Init('adds to a package.json what tests and types need, and changes nothing that it says', async () => {
  const folder = await temporaryFolder()
  const file = join(folder, 'package.json')
  await writeFile(
    file,
    JSON.stringify({
      name: 'mine',
      scripts: { test: 'mine' },
      dependencies: { dyninka: '*' },
      type: 'commonjs',
    }),
  )
  const { code, stdout } = await cli(['init'], { cwd: folder })
  assert.is(code, 0)
  assert.match(
    stdout,
    'added scripts.dev, devDependencies.@types/node, devDependencies.node, allowScripts.node',
  )
  assert.match(stdout, '! package.json "type" is "commonjs": write "module"')
  assert.equal(JSON.parse(await readFile(file, 'utf8')), {
    name: 'mine',
    scripts: { dev: 'dyninka dev', test: 'mine' },
    dependencies: { dyninka: '*' },
    type: 'commonjs',
    devDependencies: { '@types/node': '^24.0.0', node: '^24.0.0' },
    allowScripts: { node: true },
  })
  await rm(folder, { recursive: true })
})

Init('asks for a name that brokers and clusters can carry', async ({ folder }) => {
  const { code, stderr } = await cli(['init', 'other', '--name', 'Räume'], { cwd: folder })
  assert.is(code, 2)
  assert.match(stderr, '--name my-flow')
})

Init.run()
