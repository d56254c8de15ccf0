import { execFile } from 'node:child_process'
import { existsSync, globSync } from 'node:fs'
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { temporaryFolder } from './support/cli.ts'

interface World {
  folder: string
}

interface Done {
  code: number
  stdout: string
  stderr: string
}

const project = fileURLToPath(new URL('..', import.meta.url))

/** A command as a person types it, with this Node and npm's own settings. */
function type(cwd: string, program: string, ...args: string[]): Promise<Done> {
  const { NODE_OPTIONS: _, ...env } = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)),
  )
  const PATH = `${dirname(process.execPath)}:${env.PATH}`
  return new Promise(done => {
    execFile(program, args, { cwd, env: { ...env, PATH, NO_COLOR: '1' } }, (error, stdout, stderr) =>
      done({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

async function succeeds(...command: Parameters<typeof type>): Promise<string> {
  const { code, stdout, stderr } = await type(...command)
  assert.is(code, 0, `${command.slice(1).join(' ')}\n${stdout}\n${stderr}`)
  return stdout
}

/** A lock file of a folder whose only dependency is the tarball: npm then asks the registry for nothing that
 *  `npm ci` in this project has not brought into its cache. */
async function lockFor(tarball: string): Promise<object> {
  const { packages } = JSON.parse(await readFile(join(project, 'package-lock.json'), 'utf8'))
  const inUse = Object.entries<{ dev?: true; link?: true }>(packages).filter(
    ([path, { dev, link }]) => path !== '' && !dev && !link,
  )
  const { version, dependencies } = packages['']
  const own = { version, resolved: `file:${tarball}`, dependencies, bin: { dyninka: 'cli/dyninka.js' } }
  return {
    name: 'mine',
    lockfileVersion: 3,
    requires: true,
    packages: {
      '': { name: 'mine', dependencies: { dyninka: `file:${tarball}` } },
      'node_modules/dyninka': own,
      ...Object.fromEntries(inUse),
    },
  }
}

const Package = suite<World>('the npm package')

Package.before(async world => {
  world.folder = await temporaryFolder()
  const { folder } = world
  await succeeds(project, process.execPath, 'package/build.ts', join(folder, 'dist'))
  const tarball = (await succeeds(folder, 'npm', 'pack', '--silent', './dist')).trim()
  const mine = join(folder, 'mine')
  await mkdir(mine)
  const manifest = { name: 'mine', dependencies: { dyninka: `file:../${tarball}` } }
  await writeFile(join(mine, 'package.json'), JSON.stringify(manifest))
  await writeFile(join(mine, 'package-lock.json'), JSON.stringify(await lockFor(`../${tarball}`)))
  await succeeds(mine, 'npm', 'ci', '--prefer-offline', '--no-audit', '--no-fund')
  world.folder = mine
})
Package.after(({ folder }) => rm(join(folder, '..'), { recursive: true }))

Package('holds JavaScript with declarations, since Node strips no types below node_modules', ({ folder }) => {
  const installed = join(folder, 'node_modules', 'dyninka')
  assert.ok(existsSync(join(installed, 'runtime', 'index.js')))
  const typescript = globSync('**/*.ts', { cwd: installed }).filter(
    file => !file.endsWith('.d.ts') && !/^(cli\/template|flows)\//.test(file),
  )
  assert.equal(typescript, [])
})

Package('brings the command', async ({ folder }) => {
  assert.match(await succeeds(folder, 'npx', 'dyninka', '--help'), 'dyninka init my-flow')
})

Package('makes a dataflow whose types and test are right', async ({ folder }) => {
  assert.match(await succeeds(folder, 'npx', 'dyninka', 'init'), 'mine is ready')
  assert.match(await succeeds(folder, 'npx', 'dyninka', 'validate'), 'mine: no findings')
  await succeeds(folder, 'npx', 'tsc', '--noEmit')
  assert.match(await succeeds(folder, 'npm', 'test'), 'pass 1')
})

Package('finds a wrong type on an edge', async ({ folder }) => {
  const measure = join(folder, 'functions', 'measure.ts')
  const right = await readFile(measure, 'utf8')
  await writeFile(measure, 'export default function measure() {\n  return { place: 1 }\n}\n')
  const { code, stdout } = await type(folder, 'npx', 'dyninka', 'validate')
  await writeFile(measure, right)
  assert.is(code, 1)
  assert.match(stdout, 'unknown-key-field')
})

Package('runs a dataflow, and delivers what it sends', async ({ folder }) => {
  const said = await succeeds(folder, 'npx', 'dyninka', 'demo', '--exit-after', '2s', '--json')
  const { recordsSent, recordsDelivered } = JSON.parse(said)
  assert.ok(recordsSent > 0)
  assert.is(recordsDelivered, recordsSent)
})

Package('is not packed from the sources, which would not run', async () => {
  const { code, stderr } = await type(project, 'npm', 'pack', '--dry-run', '--foreground-scripts')
  assert.is(code, 1)
  assert.match(stderr, 'npm run build && npm pack ./dist')
})

Package.run()
